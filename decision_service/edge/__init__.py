"""Where callers reach the service; translates, and decides nothing."""

"""The console in a real browser, signed in as real callers of a real service."""

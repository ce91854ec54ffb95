"""Values and errors that every floor above shares; nothing here does I/O or knows the time."""

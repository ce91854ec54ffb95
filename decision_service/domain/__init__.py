"""Values and errors that every floor above shares.

Nothing here does I/O or knows the time.
"""

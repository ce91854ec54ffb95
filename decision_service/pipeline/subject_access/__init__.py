"""A person's access to what is stored: records for an export, and what is left out of it.

Nothing here asks the vendor or records anything.
"""

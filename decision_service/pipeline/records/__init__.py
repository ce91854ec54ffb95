"""Recorded decisions: reading them, and replaying them from stored facts.

Nothing here asks the vendor or records anything.
"""

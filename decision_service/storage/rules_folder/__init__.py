"""A rules folder on disk: reading its files whole and noticing changes.

Nothing here knows what a rule means.
"""

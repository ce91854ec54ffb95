"""Group commit: preconditions, decisions and what depends on them, in one transaction.

Every decision is written here and nowhere else.
"""

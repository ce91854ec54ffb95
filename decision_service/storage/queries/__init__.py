"""Statements on one table each, the same for both databases.

No module opens a transaction or knows the sealing of personal data.
"""

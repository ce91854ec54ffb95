"""The SQLite file: opening, locking, checking its log, and its connections.

Statements of one table stand in `queries` and `privacy`.
"""

"""Several processes on one PostgreSQL store: leases of request ids, and the process list.

SQLite has one process and needs none of it.
"""

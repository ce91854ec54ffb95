"""PostgreSQL connections on the event loop.

Statements of one table stand in `queries` and `privacy`.
"""

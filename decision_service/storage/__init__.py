"""The durable store on SQLite or PostgreSQL.

Only `store` is used from outside; no other package sees a table or writes SQL.
"""

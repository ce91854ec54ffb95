"""The tables that only a store of several processes has: those of PostgreSQL alone."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text

postgres_metadata = MetaData()
_TEXT = Text(collation="C")

leases = Table(
    "leases",
    postgres_metadata,
    Column("caller", _TEXT, primary_key=True),
    Column("request_id", _TEXT, primary_key=True),
    Column("fence", _TEXT, nullable=False),
    Column("backend", Integer, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)
"""Requests that a process decides now. `backend` is the server process of the holder's connection.

Unlogged, so that a lease waits for no disk; a crash of the server empties the table, which fences
every holder off. Instants here are the server's own, since only it compares them.
"""

processes = Table(
    "processes",
    postgres_metadata,
    Column("process", _TEXT, primary_key=True),
    Column("rules", _TEXT, nullable=False),
    Column("seen", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)
"""What each living process decides by, and when it last said so, by the server's clock."""

"""Files read beside a store or in place of one: exported decisions, and loan outcomes.

Each has an index in an SQLite file of its own, so that memory does not grow with its lines.
"""

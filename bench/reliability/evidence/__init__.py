"""Seeded scenarios of good and bad evidence, decided in virtual time by the real code.

The vendor's stand-in answers in memory; adapter, factors and rules are the service's own. `truth`
says without them what may be decided.
"""

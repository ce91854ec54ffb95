"""Statements on the tables of rollouts: journal, arms, hourly counters and shadow results.

No statement reads or writes a decision's own row, except to join it.
"""

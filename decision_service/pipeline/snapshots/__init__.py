"""Applicants' data between decisions: the snapshot cache, vendor events, refreshing, consent.

Nothing here evaluates rules or records a decision.
"""

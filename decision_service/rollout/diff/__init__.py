"""Differences between two rollout plans, one a row.

Compares plans as they were read, never texts.
"""

"""Backtests: recorded applicants judged by changed rules, summed up by ranges of time.

Reads the store and asks nobody else; records nothing.
"""

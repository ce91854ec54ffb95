"""Differences between two versions, one a row.

Compares compiled rulesets, never texts.
"""

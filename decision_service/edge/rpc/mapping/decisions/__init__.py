"""Decisions on the wire: requests and filters read, and recorded verdicts as fields of a Decision.

Not what other services answer about a decision, such as letters, recourse and reviews.
"""

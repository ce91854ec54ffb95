"""Outcomes: what lenders report of the loans that rest on decisions, and how reports compare.

Nothing here decides an application.
"""

"""Rollouts: plans, states, the assignment of applicants to arms, limits, and judging guardrails.

Pure: no clock, no store, and nothing of what a ruleset contains.
"""

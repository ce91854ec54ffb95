"""Dry runs, and the rule tests and stories of a rulebook.

Nothing here is recorded, counted or part of a rollout.
"""

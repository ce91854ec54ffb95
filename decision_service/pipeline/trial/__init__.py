"""Dry runs, fixtures and the rule tests of a rulebook.

Nothing here is recorded, counted or part of a rollout.
"""

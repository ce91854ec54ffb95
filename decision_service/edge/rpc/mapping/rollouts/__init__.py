"""Rollouts on the wire: the requests of operators, states, figures and comparisons.

No stage is chosen and nothing is judged here.
"""

"""Readers of a rollout plan's text, with the diagnostics of what is wrong with it.

No state of a rollout and no applicant is known here.
"""

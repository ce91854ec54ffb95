"""Guardrails at work: windows, evaluation, the watch that acts, and the sentences that tell of it.

The statistics themselves are pure and stand in `decision_service.rollout`.
"""

"""Where every rollout stands: journal, operation, reload, counters and figures.

Assignment itself is pure and stands in `decision_service.rollout`.
"""

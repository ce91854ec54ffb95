"""One application from admission to its durable record.

Rollout counters and silent versions stay outside, behind the `DecisionObserver` port.
"""

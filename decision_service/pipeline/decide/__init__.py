"""One application from admission to its durable record.

Rollout counters and shadows stay outside, behind the `DecisionObserver` port.
"""

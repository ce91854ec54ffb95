"""Rule tests: reading the cases, running them, differences and coverage.

No use case of the service; `pipeline.trial` runs them.
"""

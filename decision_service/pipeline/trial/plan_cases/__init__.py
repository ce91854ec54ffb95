"""Cases of a plan: what its caps and its control share do with what the rules concluded.

The cases are settled by `pipeline.decide.overrides`, as decisions are; no store is asked.
"""

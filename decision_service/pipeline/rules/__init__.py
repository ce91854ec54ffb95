"""The loaded rulebook: reading, checking, publishing, accepting and keeping the rules that decide.

Nothing here knows an applicant, a decision in progress or a rollout step.
"""

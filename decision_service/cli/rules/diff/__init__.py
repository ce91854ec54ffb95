"""`rules diff`, and what `rules review` shares with it: two states of the rules compared.

Differences are found in `ruleset/diff` and `rollout/diff`, and only printed here.
"""

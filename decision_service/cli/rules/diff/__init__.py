"""What `rules diff` and `rules publish` share: two states of the rules compared.

Differences are found in `ruleset/diff` and `rollout/diff`, and only printed here.
"""

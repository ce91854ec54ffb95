"""A compiled ruleset and what one evaluation passes on: parts, slots, findings, state, words.

Nothing here reads YAML.
"""

"""Made-up facts for a ruleset: the values that names may have, and which of them a figure acts on.

The same at every run; nothing here evaluates.
"""

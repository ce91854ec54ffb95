"""The rule language: YAML with places, expressions with types, evaluation with missing values.

Pure, and without a word about credit: rule files are read in `ruleset`.
"""

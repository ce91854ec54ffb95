"""The constructs of a rule file: rules, scorecard, table, offer, conditions.

A construct knows no other construct; checks across them stand in `checks`.
"""

"""From the text of a rule file to a compiled ruleset, or to every problem in it.

Nothing here evaluates an applicant.
"""

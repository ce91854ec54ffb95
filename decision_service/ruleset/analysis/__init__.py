"""Which values names and expressions can have, as far as bounds and labels tell.

Nothing here knows a construct of the rule file.
"""

"""From the text of an expression to a checked, typed tree.

Nothing here evaluates.
"""

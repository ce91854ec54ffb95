"""The composition root: concrete classes are named and connected here.

No rule, query or protocol of its own.
"""

"""Readers of the sections of a rule file, and of the `_data` files that products share.

Stages and offers are read by their constructs.
"""

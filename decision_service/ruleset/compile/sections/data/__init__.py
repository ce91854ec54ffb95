"""Readers of the section `data:`, and of the `_data` files that it refers to.

No other section is read here, and no evidence is judged.
"""

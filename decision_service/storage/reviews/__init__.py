"""Reviews and their events: rows, lists, steps, and their end with an erasure.

What a step does is no part of this package.
"""

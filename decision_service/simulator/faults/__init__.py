"""Faults on demand: their effects on an answer, and the plan of which request each one hits.

No module here knows what a request is answered with.
"""

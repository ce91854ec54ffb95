"""Reviews of decisions by persons: queues, authority, and the states of a review; pure.

Nothing here reads a clock, the store or a plan's file.
"""

"""Recourse: what would have to be different for an application to be approved; pure.

No decision is made or recorded by it.
"""

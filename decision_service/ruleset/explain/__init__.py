"""Reasons, traces and data requests in words, from what an evaluation came to.

Built when somebody asks; changes no outcome.
"""

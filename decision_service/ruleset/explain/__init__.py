"""Reasons, traces and data requests in words, from an evaluation's findings.

Built when somebody asks; changes no outcome.
"""

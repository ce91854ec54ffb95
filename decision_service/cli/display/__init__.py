"""Printing: tables, JSON, and decisions as text and as trees.

No module here calls a server or is a command.
"""

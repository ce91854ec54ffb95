"""YAML as a tree in which every node knows its place, and the canonical layout.

Nothing here knows expressions or rule files.
"""

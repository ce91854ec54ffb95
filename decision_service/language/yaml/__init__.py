"""YAML as a tree in which every node knows its place.

Nothing here knows expressions or rule files.
"""

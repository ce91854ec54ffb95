"""A table: rows of condition cells with the values they give.

`read` knows YAML, `run` knows values.
"""

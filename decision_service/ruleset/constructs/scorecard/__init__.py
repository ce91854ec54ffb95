"""A scorecard: points for characteristics, bands of the total.

`read` knows YAML, `run` knows values.
"""

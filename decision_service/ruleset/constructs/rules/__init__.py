"""Rules: `when` a condition holds, `then` an outcome.

`read` knows YAML, `run` knows values, and neither knows the other's inputs.
"""

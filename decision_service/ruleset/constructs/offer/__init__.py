"""The offer: amount, term, price and further outputs.

`read` knows YAML, `run` knows values.
"""

"""Functions of checked trees: exact arithmetic, missing values, generated code.

Never raises for a value, and knows no YAML.
"""

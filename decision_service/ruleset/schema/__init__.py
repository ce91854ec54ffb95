"""JSON Schemas of rule files and rule tests, for editors.

The compiler does not use them.
"""

"""Evaluation: inputs bound, facts in, a verdict out.

Never raises for an applicant, and knows no YAML.
"""

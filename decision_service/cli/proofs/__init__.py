"""Proofs of claims about rules, on the command line.

No claim is defined or proved here.
"""

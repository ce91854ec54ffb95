"""Proofs of claims about rules, on the command line."""

"""Expressions as terms: what `evaluation` computes of one person, said of all people at once.

No term is solved here.
"""

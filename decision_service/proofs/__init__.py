"""Proofs: whether a claim about rules holds of every person, decided by a solver.

Pure; it needs the extra `workbench`, and imports a solver only when one is asked.
"""

"""Terms of logic and arithmetic, which a solver can decide.

They know no solver: `proofs` translates them.
"""

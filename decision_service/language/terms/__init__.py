"""Terms of logic and arithmetic, which a solver can decide and which can be computed.

They know no solver: `proofs` translates them.
"""

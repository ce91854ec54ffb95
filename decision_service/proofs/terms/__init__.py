"""Terms of logic and arithmetic, which a solver can decide; they know no solver."""

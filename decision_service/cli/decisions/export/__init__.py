"""`decisions export`: recorded decisions as JSON lines, CSV, Parquet or rule tests.

No id, no reference and no text of a person passes; what may leave is decided in `masking`.
"""

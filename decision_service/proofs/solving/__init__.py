"""What is asked of a solver, and what it is told of functions.

No claim is made here.
"""

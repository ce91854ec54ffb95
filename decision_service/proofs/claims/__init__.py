"""Claims about rules as questions: of two versions, and guarantees of one.

No solver is called here.
"""

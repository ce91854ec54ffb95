"""Letters to applicants: what was decided, why in their words, from which data, and their rights.

Pure: from a decision and a product's texts to a letter, the same bytes for the same arguments.
"""

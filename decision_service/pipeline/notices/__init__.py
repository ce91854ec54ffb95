"""Letters to applicants: made of recorded decisions, recorded, and reported as sent.

Nothing is sent from here.
"""

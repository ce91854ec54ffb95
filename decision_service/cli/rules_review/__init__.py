"""`rules review`: what two revisions of a rules folder differ in, as one comment for a review.

Reviews of decisions are in `cli/reviews`.
"""

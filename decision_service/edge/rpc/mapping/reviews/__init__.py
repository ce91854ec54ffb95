"""Reviews on the wire: the requests of reviewers, and reviews as clients read them.

No authority is checked here, and no step of a review is taken.
"""

"""One applicant judged by two versions: second opinions, shadows, comparisons and their summary.

A pair holds outcomes, rules and reasons, never data of a person.
"""

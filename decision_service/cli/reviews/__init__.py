"""The group `reviews`: what reviewers, a second person and the loan system do.

No way around the server.
"""

"""The group `reviews`: what reviewers and a second person do.

No way around the server.
"""

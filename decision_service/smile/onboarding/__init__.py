"""The vendor's users, link tokens, revocations and webhooks.

No module here reads an applicant's data.
"""

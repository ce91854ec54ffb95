"""Onboarding: one vendor user for each applicant, link tokens, and an applicant's status.

Nothing here decides an application.
"""

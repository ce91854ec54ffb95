"""The connect page: where an applicant opens the vendor's widget and shares data with the lender.

Nothing of it needs an API key: the page holds the applicant's link token alone, and asks here
whether that still works, and for another one when it has expired.
"""

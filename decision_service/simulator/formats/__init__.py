"""The vendor's formats that all of the stand-in shares: answers, pages, ids, days, providers.

No module here knows a person, a fault or an endpoint.
"""

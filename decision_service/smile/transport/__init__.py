"""One HTTP request to the vendor, with its limits: rate, retries, circuit, time and size.

No module here knows what an answer means.
"""

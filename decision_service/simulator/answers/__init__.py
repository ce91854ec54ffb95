"""From a request to the vendor's answer: middleware, endpoints, lists, insights.

No module here makes data up; the tenant holds the data.
"""

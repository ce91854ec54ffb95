"""The gRPC server: its calls, its callers and their roles, error statuses, and an orderly stop.

What a decision is stays out: use cases are in `pipeline`, and this package only calls them.
"""

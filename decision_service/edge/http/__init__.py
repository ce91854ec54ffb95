"""The HTTP server: health, metrics, webhooks of the vendor, and the page where applicants connect.

Decisions are made over gRPC alone; nothing here reads or records one.
"""

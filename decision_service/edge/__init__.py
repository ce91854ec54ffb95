"""Where callers, operators and the vendor reach the service: gRPC, HTTP, TLS and metrics.

Messages are translated here, and nothing is decided.
"""

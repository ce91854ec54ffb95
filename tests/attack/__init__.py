"""A scripted attack on a running service: bounded, on loopback, with TLS and tokens on.

Each module is one area with `attack(target)`, which returns what was tried and whether it held.
"""

"""Protobuf messages to values of the domain and back, one module for each kind of message.

Pure functions only: no call's context, no use case, no I/O.
"""

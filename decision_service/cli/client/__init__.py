"""Calling a running server: its options, its stubs, its errors, and the inputs of a call.

No module here prints or is a command.
"""

"""What every call passes through before its method: the event loop, errors, logs, callers, limits.

No module here imports a service's messages or use cases.
"""

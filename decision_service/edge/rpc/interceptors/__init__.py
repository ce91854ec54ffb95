"""What every call passes through before its method: the event loop, errors, logs, callers, limits.

Nothing here knows a service's messages or use cases.
"""

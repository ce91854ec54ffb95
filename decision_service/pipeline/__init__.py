"""Use cases, and the ports through which they reach the vendor, the store and the clock.

No protobuf, HTTP or SQL; `smile` and `storage` implement the ports, and `wiring` connects them.
"""

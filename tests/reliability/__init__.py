"""Promises tested with the desk, vendor and proxy of `bench.reliability`, and that bench itself."""

"""Personal data: keys, sealed snapshots, consent counts, erasure and its journal, expiry.

Nothing outside reads or writes a sealed body.
"""

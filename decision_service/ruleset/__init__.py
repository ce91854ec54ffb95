"""Rule sets: reading, checking, running, explaining, testing and comparing them.

Pure: no clock, randomness, I/O or float money.
"""

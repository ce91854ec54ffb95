"""The areas: each module tries one kind of attack and counts, attempt by attempt, what held.

An area leaves the service as it found it, is bounded in count and time, and judges no absolute time
that a busy machine could miss.
"""

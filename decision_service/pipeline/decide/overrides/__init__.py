"""What is decided where a cap of the day is reached.

The rules conclude first; this alone departs from them, and every departure is on record.
"""

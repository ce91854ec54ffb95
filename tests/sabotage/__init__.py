"""Planted faults: each is put into a copy of the program, and the tests named for it must fail."""

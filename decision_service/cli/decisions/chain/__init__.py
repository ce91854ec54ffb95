"""The chain of one application: its decisions with their reviews, letters and loans.

Only reads, through calls that other commands have too.
"""

"""`backtest`: what a rule change would do, on recorded applicants.

No figure of a report is computed here.
"""

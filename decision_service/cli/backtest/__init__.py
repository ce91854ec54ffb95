"""`backtest`: what a rule change would do, on recorded applicants."""

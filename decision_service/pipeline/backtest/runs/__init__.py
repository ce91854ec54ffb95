"""Backtests that the running service is asked for."""

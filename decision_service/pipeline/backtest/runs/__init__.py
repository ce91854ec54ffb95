"""Backtests that the running service is asked for.

Those that a command judges itself are in `cli/backtest/local`.
"""

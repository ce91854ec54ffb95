"""A backtest that this program judges: its rules, its source of decisions, its processes.

Nothing here calls a running service.
"""

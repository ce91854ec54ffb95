"""Who judges a backtest: a worker, processes or a Ray cluster, and the runs of a service.

Nothing is judged here; that is `pipeline/backtest`.
"""

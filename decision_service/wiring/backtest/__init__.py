"""Who judges a backtest: a worker, processes or a Ray cluster."""

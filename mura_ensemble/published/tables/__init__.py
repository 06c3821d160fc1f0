"""What a published kappa and its interval give away: the 2x2 tables behind them."""

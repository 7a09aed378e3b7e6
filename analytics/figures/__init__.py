"""Every figure of analytics: pure functions of a person's days, and of the events behind them."""

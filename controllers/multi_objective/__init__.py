"""Weights between sun used, cost and voltages, and the front behind them."""

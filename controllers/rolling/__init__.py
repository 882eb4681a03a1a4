"""One policy, ever better equipped: curtail, reactive, stationary, day-ahead, rolling, ..."""

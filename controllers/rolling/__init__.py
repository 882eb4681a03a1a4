"""One policy, ever better informed: stationary, day-ahead, rolling, clairvoyant."""

"""Multi-stage robust scheduling in a rolling horizon, with decision rules."""

"""What ``gridhaul demo`` runs."""

from __future__ import annotations

SCENARIO = "ieee33"
CONTROLLERS = ("idle", "greedy", "day_ahead", "rolling")
REPLICATIONS = 10
WORKERS = 2
VERIFY = "full"

"""gridhaul: a discrete-event, rolling-horizon simulator for mobile battery storage."""

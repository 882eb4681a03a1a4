"""The grid as seen from the stations: an AC power flow, linearised, with its limits."""

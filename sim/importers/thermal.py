"""What thermal units of all formats share."""

LEAST_MW = 1e-3  # the highest power of a unit that produces none: a synchronous condenser

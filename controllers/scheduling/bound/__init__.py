"""A proven lower bound: the Lagrangian dual of what vehicles share."""

"""Which vehicle goes where: dynamic programming, column generation, local search."""

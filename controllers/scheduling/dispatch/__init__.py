"""Power on fixed routes: a linear programme whose rows are generated."""

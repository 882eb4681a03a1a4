"""Blocks of a market clearing: commitment, battery trains, dispatch on a DC grid, scenarios."""

"""A market clearing with battery trains, and its redispatch."""

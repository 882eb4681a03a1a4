"""Uncertainty sets, decision rules, robust counterparts and chance constraints."""

"""Blocks from which the optimising controllers build their models."""

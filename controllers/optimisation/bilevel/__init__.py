"""Optimistic bilevel programmes with integers in the lower level."""

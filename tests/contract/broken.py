"""What a law raises."""

from __future__ import annotations


class Broken(AssertionError):
    """A law is broken; the message names law and controller."""

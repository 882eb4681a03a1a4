"""Ranges of settings: what lies beyond them is a typing error, not a long wait."""

from __future__ import annotations


def check_ranges(settings: object, **ranges: tuple[float, float]) -> None:
    """Refuse numbers outside their range, infinity and NaN among them.

    Parameters
    ----------
    settings
        Has an attribute of each name.
    **ranges
        Least and largest value by name.

    Raises
    ------
    ValueError
        Naming the first.
    """
    for name, (least, most) in ranges.items():
        value = getattr(settings, name)
        if not least <= value <= most:  # nor is NaN
            raise ValueError(f"{name}(={value}) must lie between {least:g} and {most:g}.")

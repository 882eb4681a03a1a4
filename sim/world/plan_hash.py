"""What a plan orders, as a short hash: two decisions that differ in anything differ in it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import Any

import numpy as np

from sim.control import Plan

DIGITS = 16

# Fields of plans and visits that came later.
LATER = ("ev", "response", "rent", "charge_mwh", "discharge_mwh")


def hash_of_orders(plan: Plan) -> str:
    """Return the first hexadecimal digits of a SHA-256 over all parts of a plan but its outcome."""
    pieces: list[bytes] = []
    for name in _names(plan):
        part = getattr(plan, name)
        # Without what came later a plan hashes as it did before there were any.
        if name != "outcome" and not (part is None and name in LATER):
            _add(pieces, part)
    return hashlib.sha256(b"".join(pieces)).hexdigest()[:DIGITS]


def _names(value: object) -> tuple[str, ...]:
    kind: Any = type(value)
    return _names_of(kind)


@functools.cache
def _names_of(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(kind))


def _add(pieces: list[bytes], value: object) -> None:
    """Add the bytes of a value in an order and with separators that leave no doubt."""
    if dataclasses.is_dataclass(value):
        pieces.append(f"{type(value).__name__}{{".encode())
        for name in _names(value):
            part = getattr(value, name)
            if part is not None or name not in LATER:
                _add(pieces, part)
        pieces.append(b"}")
    elif isinstance(value, np.ndarray):
        pieces += (f"{value.dtype.str}{value.shape}".encode(), value.tobytes())
    elif isinstance(value, tuple | list):
        pieces.append(f"({len(value)}".encode())
        for each in value:
            _add(pieces, each)
        pieces.append(b")")
    elif isinstance(value, np.generic):  # 3.0 orders the same, whoever made the number
        _add(pieces, value.item())
    else:
        pieces.append(f"{value!r};".encode())

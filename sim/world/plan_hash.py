"""What a plan orders, as a short hash: two decisions that differ in anything differ in it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np

from sim.control import Plan

DIGITS = 16

# Fields of plans and visits that came later.
LATER = ("ev", "response", "rent", "charge_mwh", "discharge_mwh")


def hash_of_orders(plan: Plan) -> str:
    """Return the first hexadecimal digits of a SHA-256 over all parts of a plan but its outcome."""
    digest = hashlib.sha256()
    for part in dataclasses.fields(plan):
        # Without what came later a plan hashes as it did before there were any.
        left_out = part.name in LATER and getattr(plan, part.name) is None
        if part.name != "outcome" and not left_out:
            for piece in _pieces(getattr(plan, part.name)):
                digest.update(piece)
    return digest.hexdigest()[:DIGITS]


def _pieces(value: object) -> Iterator[bytes]:
    """Yield the bytes of a value in an order and with separators that leave no doubt."""
    if dataclasses.is_dataclass(value):
        yield f"{type(value).__name__}{{".encode()
        for each in dataclasses.fields(value):
            if each.name not in LATER or getattr(value, each.name) is not None:
                yield from _pieces(getattr(value, each.name))
        yield b"}"
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode()
        yield value.tobytes()
    elif isinstance(value, tuple | list):
        yield f"({len(value)}".encode()
        for each in value:
            yield from _pieces(each)
        yield b")"
    elif isinstance(value, np.generic):  # 3.0 orders the same, whoever made the number
        yield from _pieces(value.item())
    else:
        yield f"{value!r};".encode()

"""Rows of branches as read-only arrays of indices and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from sim.scenario.schema.csv_rows import LineRow, TransformerRow
from sim.system.grid import Lines, Transformers
from sim.units import BoolArray, FloatArray, IntArray, frozen


def floats(values: Sequence[float] | FloatArray) -> FloatArray:
    """Return a read-only float array."""
    return cast(FloatArray, frozen(values))


def integers(values: Sequence[int]) -> IntArray:
    """Return a read-only integer array."""
    return cast(IntArray, frozen(values, np.int64))


def booleans(values: Sequence[bool]) -> BoolArray:
    """Return a read-only array of truth values."""
    return cast(BoolArray, frozen(values, np.bool_))


def make_lines(rows: Sequence[LineRow], index: Mapping[str, int], vn_kv: Sequence[float]) -> Lines:
    """Return the lines; `index` gives the buses by name, `vn_kv` their nominal voltages [kV]."""
    limit_mva = [np.nan if row.limit_mva is None else row.limit_mva for row in rows]
    max_i_ka = [
        mva / (np.sqrt(3) * vn_kv[index[row.from_bus]]) if row.max_i_ka is None else row.max_i_ka
        for row, mva in zip(rows, limit_mva, strict=True)
    ]
    return Lines(
        name=tuple(row.name for row in rows),
        from_bus=integers([index[row.from_bus] for row in rows]),
        to_bus=integers([index[row.to_bus] for row in rows]),
        r_ohm=floats([row.r_ohm_per_km * row.length_km for row in rows]),
        x_ohm=floats([row.x_ohm_per_km * row.length_km for row in rows]),
        c_nf=floats([row.c_nf_per_km * row.length_km for row in rows]),
        max_i_ka=floats(max_i_ka),
        limit_mva=floats(limit_mva),
        from_closed=booleans([row.from_closed for row in rows]),
        to_closed=booleans([row.to_closed for row in rows]),
    )


def make_transformers(rows: Sequence[TransformerRow], index: Mapping[str, int]) -> Transformers:
    """Return the transformers; `index` gives the buses by name."""
    return Transformers(
        name=tuple(row.name for row in rows),
        hv_bus=integers([index[row.hv_bus] for row in rows]),
        lv_bus=integers([index[row.lv_bus] for row in rows]),
        sn_mva=floats([row.sn_mva for row in rows]),
        vn_hv_kv=floats([row.vn_hv_kv for row in rows]),
        vn_lv_kv=floats([row.vn_lv_kv for row in rows]),
        vk_percent=floats([row.vk_percent for row in rows]),
        vkr_percent=floats([row.vkr_percent for row in rows]),
        pfe_kw=floats([row.pfe_kw for row in rows]),
        i0_percent=floats([row.i0_percent for row in rows]),
        hv_closed=booleans([row.hv_closed for row in rows]),
        lv_closed=booleans([row.lv_closed for row in rows]),
    )

"""Units and signs, said once.

- Models use MW, Mvar, MVA, MWh, pu, km, hours and USD. SimPy's clock alone runs in seconds.
- **Storage power is positive when it injects into the grid** (discharging) and negative when it
  charges. Load and generation are both non-negative magnitudes. The net injection of a bus is
  ``generation + storage - load``; only the power-flow engines turn it into their own sign.
- Stored energy is the energy inside the battery, before the discharge efficiency.
- Arrays are ``(time, thing)``: ``(step, bus)``, ``(period, vehicle)``.
- Period ``h`` covers ``[h * period_h, (h + 1) * period_h)``, counted from the episode's start.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

SECONDS_PER_HOUR = 3600.0
HOURS_PER_DAY = 24.0
KWH_PER_MWH = 1000.0


def frozen(values: object, dtype: type[Any] = np.float64) -> NDArray[Any]:
    """Return `values` as a contiguous array of `dtype` that refuses to be written to.

    Nobody can make it writable either: its memory is that of an immutable object.
    """
    array = np.array(values, dtype=dtype, order="C")
    if array.size:
        return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)
    array.setflags(write=False)
    return array

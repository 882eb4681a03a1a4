"""The bundled scenarios, registered as entry points of the group ``gridhaul.scenarios``.

Each name below is the folder of one scenario. ``profiles/``, beside them, holds the record of
loads and renewables that scenarios share.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

tiny = _HERE / "tiny"
ieee33 = _HERE / "ieee33"
three_bus = _HERE / "three_bus"
oberrhein = _HERE / "oberrhein"
ieee123 = _HERE / "ieee123"
feeder41 = _HERE / "feeder41"
six_bus_rail = _HERE / "six_bus_rail"
residential_ev = _HERE / "residential_ev"
shared_feeders = _HERE / "shared_feeders"

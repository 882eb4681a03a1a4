"""Import networks from pandapower.

Only the tables are read; pandapower itself is not imported. What a `Grid` cannot express is
refused, all of it at once; nothing is dropped in silence. Voltages, flows and losses of the
imported grid are those of ``pandapower.runpp(net, trafo_model="pi", trafo_loading="power")``.
"""

from __future__ import annotations

from sim.importers.pandapower.folder import write_network
from sim.importers.pandapower.grid import (
    buses_from_pandapower,
    grid_from_pandapower,
    injections_from_pandapower,
)

__all__ = [
    "buses_from_pandapower",
    "grid_from_pandapower",
    "injections_from_pandapower",
    "write_network",
]

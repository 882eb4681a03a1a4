"""Write the tables of a scenario folder from a MATPOWER case."""

from __future__ import annotations

import logging
from pathlib import Path

from sim.importers.folder import write_rows
from sim.importers.matpower.case_file import read_case
from sim.importers.matpower.grid import read_grid
from sim.importers.matpower.units import read_units
from sim.scenario.problems import Problems

LOGGER = logging.getLogger("gridhaul")


def write_network_from_matpower(
    case_file: str | Path, folder: str | Path, *, load_profile: str, costs: bool = False
) -> dict[str, object]:
    """Write buses, lines, transformers, loads and units of a MATPOWER case.

    Generators at buses of type 2 become thermal units that hold their voltage. The one at the bus
    of type 3 is the source of the grid; with `costs` it is a unit that balances the grid, and all
    units have the costs of ``mpc.gencost``. Shunts, and charging of transformers, become loads of
    constant power, that at 1 pu. Each is told of by a warning of the logger ``gridhaul``. Phase
    shifts that cancel round every loop are left out.

    Parameters
    ----------
    case_file
        A ``.m`` file of case format 2, of which only the matrices are read, and the two conversions
        that radial cases make (ohms to per unit, kW to MW); or a ``.mat`` file with ``mpc``.
    folder
        The scenario's folder; made if it does not exist.
    load_profile
        Profile that loads follow; ``flat`` is 1 throughout.
    costs
        Whether generators have the costs of the case.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` that names the sources; empty where a unit balances the grid.

    Raises
    ------
    InputError
        Names all that a scenario cannot express, by line and element: negative reactances and
        loads, phase shifters in loops, generators at buses that hold no voltage, costs that are no
        polynomial.
    """
    problems = Problems()
    path, folder = Path(case_file), Path(folder)
    case = read_case(path, problems)
    problems.raise_if_any()
    assert case is not None  # a problem has been raised
    grid = read_grid(case, load_profile, problems)
    units, sources = read_units(case, grid, costs=costs, problems=problems)
    problems.raise_if_any()
    write_rows(folder, "buses.csv", grid.buses)
    write_rows(folder, "lines.csv", grid.lines)
    write_rows(folder, "transformers.csv", grid.transformers)
    write_rows(folder, "loads.csv", grid.loads)
    write_rows(folder, "units.csv", units)
    if grid.said:
        LOGGER.warning("%s:\n  %s", path.name, "\n  ".join(grid.said))
    if costs:
        return {}
    named = [{"bus": str(bus), "vm_pu": vm_pu} for bus, vm_pu in sources.items()]
    return {"grid": {"source": named}}

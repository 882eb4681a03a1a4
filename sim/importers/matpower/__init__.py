"""Grids as MATPOWER cases: ``.m`` files of case format 2, and ``.mat`` files with ``mpc``."""

from sim.importers.matpower.folder import write_network_from_matpower

__all__ = ["write_network_from_matpower"]

"""Feeders of OpenDSS, read through OpenDSSDirect.py as it has solved them."""

from sim.importers.opendss.folder import Deviation, write_network

__all__ = ["Deviation", "write_network"]

"""Roads in the TNTP format of the collection "Transportation Networks for Research".

Units differ from network to network, and the files do not name them; each network's README does.
Some networks, such as Sioux Falls, give free-flow times in the place of lengths.
"""

from sim.importers.tntp.equilibrium import CostCheck, compare_costs
from sim.importers.tntp.roads import write_roads_from_tntp

__all__ = ["CostCheck", "compare_costs", "write_roads_from_tntp"]

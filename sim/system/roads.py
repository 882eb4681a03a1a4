"""The road network: nodes with positions, directed links with length, speed and capacity."""

from __future__ import annotations

from dataclasses import dataclass

from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roads:
    """Directed road links between nodes.

    Attributes
    ----------
    node_name
        Names of the nodes.
    x_km, y_km
        Positions, ``(node,)`` [km].
    from_node, to_node
        Ends of each link, ``(link,)``. A two-way road is two links.
    length_km, free_speed_kmh, capacity_veh_h
        Length [km], speed on the empty road [km/h] and capacity [vehicles/h], ``(link,)``.
    alpha, beta
        Parameters of the links' volume-delay functions, ``(link,)`` [-]. Where they are NaN or
        None, those of the traffic hold.
    left_out_km
        Length of links that the network has beside these [km]; see `sim.scenario.ways`.
    """

    node_name: tuple[str, ...]
    x_km: FloatArray
    y_km: FloatArray
    from_node: IntArray
    to_node: IntArray
    length_km: FloatArray
    free_speed_kmh: FloatArray
    capacity_veh_h: FloatArray
    alpha: FloatArray | None = None
    beta: FloatArray | None = None
    left_out_km: float = 0.0

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_name)

    @property
    def link_name(self) -> list[str]:
        """Names of the links, under which they draw what is random; parallel ones share theirs."""
        ends = zip(self.from_node.tolist(), self.to_node.tolist(), strict=True)
        return [f"{self.node_name[start]}->{self.node_name[end]}" for start, end in ends]

    @property
    def network_km(self) -> float:
        """Length of all links of the network [km]."""
        return float(self.length_km.sum()) + self.left_out_km

    @property
    def n_links(self) -> int:
        """Number of directed links."""
        return len(self.length_km)

"""Whether a system has what a controller requires."""

from __future__ import annotations

from sim.control import Capabilities
from sim.system.system import WAYS, System


def fits(capabilities: Capabilities, system: System) -> bool:
    """Return whether a controller with these capabilities may act on `system`."""
    return not misfit(capabilities, system)


def misfit(capabilities: Capabilities, system: System) -> str:
    """Return why a controller with these capabilities cannot act on `system`, empty if it can.

    A controller that names a way on which vehicles move must name all on which those of the system
    do.
    """
    requires = capabilities.requires
    missing = requires - system.features
    beyond = (system.features & WAYS) - requires if requires & WAYS else frozenset()
    if missing:
        return f"needs {', '.join(sorted(missing))}, which {system.name} does not have"
    if beyond:
        way = ", ".join(sorted(beyond))
        return f"cannot plan for {way}, on which vehicles of {system.name} move"
    if capabilities.one_area and "areas" in system.features:
        return f"plans for one area, and {system.name} has {len(system.areas)}"
    return ""

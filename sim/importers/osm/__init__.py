"""Roads of OpenStreetMap, read from local files through OSMnx."""

from sim.importers.osm.folder import write_roads

__all__ = ["write_roads"]

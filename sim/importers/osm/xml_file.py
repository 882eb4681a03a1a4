"""Of an OpenStreetMap file, the roads that trucks may use, written as a smaller file.

Extracts hold buildings and footpaths, and ways that lead to nodes beyond their edge; OSMnx would
read the former and stop at the latter.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from sim.importers.osm.classes import CLASSES
from sim.scenario.problems import Problems

CLOSED = {"no", "private"}
ACCESS = ("hgv", "motor_vehicle", "vehicle", "access")  # the first that is tagged holds
TAGS = ("highway", "maxspeed", "lanes", "oneway", "junction")
Degrees = dict[int, tuple[float, float]]


class Way(NamedTuple):
    """A road: its nodes in order, and those of its tags that are read."""

    nodes: list[int]
    tags: dict[str, str]


def write_roads_only(path: Path, target: Path, problems: Problems) -> list[str]:
    """Write the roads of a file to another, and return what was left out, a sentence each.

    A way is cut where its nodes are missing. What is wrong is noted by element.
    """
    where = path.name
    degrees: Degrees = {}
    ways: list[Way] = []
    left_out: Counter[str] = Counter()
    try:
        with path.open("rb") as stream:
            parser = iter(ET.iterparse(stream, events=("start", "end")))
            _, root = next(parser)
            if root.tag != "osm":
                message, remedy = f"begins with <{root.tag}>, not <osm>", "Give an .osm file"
                problems.add(where, "file", str(path), message, remedy)
                return []
            for event, element in parser:
                if event == "start" or element.tag not in ("node", "way", "relation"):
                    continue
                if "delete" not in (element.get("action"), element.get("visible")):
                    _keep(element, degrees, ways, left_out, where, problems)
                root.clear()
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        message, remedy = f"cannot be read as XML ({error})", "Export or convert it again"
        problems.add(where, "file", str(path), message, remedy)
        return []
    missing = _write(target, degrees, ways, where, problems)
    said = [f"{count} ways are {what} and left out" for what, count in sorted(left_out.items())]
    if missing:
        said.append(f"{missing} nodes of roads are not in the file; roads end before them")
    return said


def _keep(
    element: ET.Element,
    degrees: Degrees,
    ways: list[Way],
    left_out: Counter[str],
    where: str,
    problems: Problems,
) -> None:
    """Keep a node or a road for trucks."""
    if element.tag == "relation":
        return
    name = f"{element.tag} {element.get('id')}"
    number = _whole(element.get("id"))
    if number is None:
        remedy = "Give a whole number"
        problems.add(where, name, element.get("id"), "has no number of its own", remedy)
    elif element.tag == "node":
        # Positions are looked at where a road needs them.
        degrees[number] = _degree(element.get("lon")), _degree(element.get("lat"))
    else:
        tags = {tag.get("k", ""): tag.get("v", "") for tag in element.iter("tag")}
        reason = _reason_to_leave_out(tags)
        if reason is not None:
            left_out[reason] += 1
            return
        refs = [_whole(node.get("ref")) for node in element.iter("nd")]
        if None in refs:
            problems.add(where, name, "nd", "has a ref that is no whole number", "Correct it")
            return
        ways.append(Way([ref for ref in refs if ref is not None], _directed(tags)))


def _reason_to_leave_out(tags: Mapping[str, str]) -> str | None:
    kind = tags.get("highway", "")
    if not kind:
        return "no roads"
    if kind not in CLASSES or tags.get("area") == "yes":
        return "paths, tracks, service roads or others without a class"
    access = next((tags[key] for key in ACCESS if key in tags), "yes")
    return "closed to trucks" if access in CLOSED else None


def _directed(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are read; motorways and roundabouts go one way where none is said."""
    kept = {key: tags[key] for key in TAGS if key in tags}
    if tags.get("highway") == "motorway" or tags.get("junction") in ("roundabout", "circular"):
        kept.setdefault("oneway", "yes")
    return kept


def _write(target: Path, degrees: Degrees, ways: list[Way], where: str, problems: Problems) -> int:
    """Write roads and their nodes; return how many nodes of roads are missing."""
    used = dict.fromkeys(node for way in ways for node in way.nodes)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6">']
    missing = 0
    for node in used:
        if node not in degrees:
            missing += 1
            continue
        lon, lat = degrees[node]
        if not (abs(lon) <= 180 and abs(lat) <= 90):
            message, remedy = "is no longitude and latitude", "Correct lon and lat of the node"
            problems.add(where, f"node {node}", f"{lon:g}, {lat:g}", message, remedy)
        lines.append(f'<node id="{node}" lon="{lon!r}" lat="{lat!r}"/>')
    number = 0
    for way in ways:
        for part in _parts(way.nodes, degrees):
            number += 1
            refs = "".join(f'<nd ref="{node}"/>' for node in part)
            tags = "".join(f'<tag k="{k}" v={quoteattr(v)}/>' for k, v in way.tags.items())
            lines.append(f'<way id="{number}">{refs}{tags}</way>')
    if not number and not len(problems):
        message, remedy = "holds no road of a class", "Give an extract with tags of highway"
        problems.add(where, "file", where, message, remedy)
    target.write_text("\n".join([*lines, "</osm>\n"]), encoding="utf-8")
    return missing


def _parts(nodes: list[int], degrees: Degrees) -> list[list[int]]:
    """Return the stretches of two or more nodes that the file has."""
    parts: list[list[int]] = [[]]
    for node in nodes:
        if node not in degrees:
            parts.append([])
        elif not parts[-1] or parts[-1][-1] != node:
            parts[-1].append(node)
    return [part for part in parts if len(part) > 1]


def _whole(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _degree(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")

"""Tree layout for buses without coordinates."""

from __future__ import annotations

from collections.abc import Sequence

ROW_KM = 1.0


def positions(
    x: Sequence[float | None],
    y: Sequence[float | None],
    branches: Sequence[tuple[int, int]],
    sources: Sequence[int],
) -> tuple[list[float], list[float], bool]:
    """Return positions of all buses, and whether they are a layout rather than coordinates.

    Where a position is missing, or all are one and the same, the grid is drawn as a tree from its
    sources: columns by the number of branches between, rows by leaf.
    """
    known = [(a, b) for a, b in zip(x, y, strict=True) if a is not None and b is not None]
    if len(known) == len(x) and len(set(known)) > 1:
        return [a for a, _ in known], [b for _, b in known], False
    columns, rows = _tree(len(x), branches, sources)
    return columns, rows, True


def _tree(
    n_buses: int, branches: Sequence[tuple[int, int]], sources: Sequence[int]
) -> tuple[list[float], list[float]]:
    neighbours: list[list[int]] = [[] for _ in range(n_buses)]
    for start, end in branches:
        neighbours[start].append(end)
        neighbours[end].append(start)
    depth = [-1.0] * n_buses
    row = [0.0] * n_buses
    next_row = 0.0
    for root in (*sources, *range(n_buses)):
        if depth[root] >= 0:
            continue
        depth[root] = 0.0
        stack, order, children = [root], [], dict[int, list[int]]()
        while stack:
            bus = stack.pop()
            order.append(bus)
            children[bus] = [other for other in neighbours[bus] if depth[other] < 0]
            for other in children[bus]:
                depth[other] = depth[bus] + 1
            children[bus] = list(dict.fromkeys(children[bus]))
            stack += reversed(children[bus])
        for bus in order:  # leaves from top to bottom
            if not children[bus]:
                row[bus] = next_row
                next_row += 1
        for bus in reversed(order):
            if children[bus]:
                row[bus] = sum(row[other] for other in children[bus]) / len(children[bus])
    return [own * ROW_KM for own in depth], [-own * ROW_KM for own in row]

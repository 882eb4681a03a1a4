"""Print what can be set, and what is measured: key, unit, default, meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from rich.markup import escape

from sim.inspect.describe import Key, unit_of
from sim.report.terminal.output import plain_table, print_json, terminal
from sim.report.wording import METRICS

BETTER = {-1: "less is better", 0: "", 1: "more is better"}


def print_keys(title: str, keys: Iterable[Key], *, as_json: bool = False) -> None:
    """Print keys with unit, default and meaning."""
    found = list(keys)
    if as_json:
        print_json([dataclasses.asdict(key) for key in found])
        return
    table = plain_table(escape(title))
    for column in ("key", "unit", "default", "meaning"):
        table.add_column(column, overflow="fold")
    for key in found:
        table.add_row(*map(escape, (key.name, key.unit, key.default, key.meaning)))
    terminal().print(table if found else f"{escape(title)}: none")


def metric_keys() -> list[Key]:
    """Return the figures of an episode; a controller may declare others."""
    return [
        Key(
            name=name,
            unit=wording.unit or unit_of(name),
            default="",
            meaning=": ".join(filter(None, (wording.title.strip(), BETTER[wording.better]))),
        )
        for name, wording in METRICS.items()
    ]


def reference() -> str:
    """Return all keys as a page of Markdown; `docs/reference.md` is written by it."""
    from sim.inspect.describe import controller_keys, installed_controllers, scenario_keys

    parts = ["# Reference of keys", REFERENCE, "## scenario.toml", _markdown(scenario_keys())]
    for name in installed_controllers():
        keys = controller_keys(name)
        if keys:
            parts += [f"## Parameters of {name}", _markdown(keys)]
    return "\n\n".join([*parts, "## Figures of an episode", _markdown(metric_keys())]) + "\n"


REFERENCE = (
    "Written by `gridhaul describe all`, from the models that check the input. `<name>` stands for "
    "any name, `[]` for an entry of a list; `--set KEY=VALUE` takes the keys without `[]`. "
    "`gridhaul describe scenario --json` prints a JSON schema for editors."
)


def _markdown(keys: Iterable[Key]) -> str:
    rows = [f"| `{key.name}` | {key.unit} | {key.default} | {_cell(key.meaning)} |" for key in keys]
    return "\n".join(["| key | unit | default | meaning |", "|---|---|---|---|", *rows])


def _cell(text: str) -> str:
    """Return text for a table; what Markdown would take for a column or a link is none."""
    return text.replace("|", "/").replace("[-]", r"\[-]")

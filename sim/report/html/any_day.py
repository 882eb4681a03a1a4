"""One day of whatever has tables: episodes, a study, or a folder."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from sim.episode.episode import Episode
from sim.errors import InputError
from sim.report.html.day_figures import wide
from sim.report.html.study_figures import ShownDay, most_violated_day, read_day
from sim.study.store.stored_study import StoredStudy, read_study
from sim.study.study import Study
from sim.units import FloatArray

Source: TypeAlias = Episode | Sequence[Episode] | Study | str | os.PathLike[str]
BY_CONTROLLER = ("vm_pu", "vehicles", "bars", "spans", "prices", "cars")  # of `ShownDay`


class _Part(NamedTuple):
    """A controller's day: what figures call it, where it is stored, and under which name."""

    label: str
    study: StoredStudy
    controller: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Day:
    """A day under some controllers.

    Attributes
    ----------
    shown
        Its tables, by controller.
    system
        The part of the manifest about the system.
    """

    shown: ShownDay
    system: dict[str, Any]
    parts: tuple[_Part, ...]

    @functools.cached_property
    def steps(self) -> dict[str, pd.DataFrame]:
        """Table ``steps`` by controller."""
        return {part.label: self._table(part, "steps") for part in self.parts}

    @functools.cached_property
    def loading_percent(self) -> dict[str, pd.DataFrame]:
        """Loading by controller, index ``time_h``, one column per branch [%]."""
        return {
            part.label: wide(part.study, "loading_percent", part.controller, self.shown.replication)
            for part in self.parts
        }

    @property
    def limits_pu(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limits of the voltages, each ``(bus,)`` [pu]."""
        return np.array(self.system["v_min_pu"]), np.array(self.system["v_max_pu"])

    def _table(self, part: _Part, name: str) -> pd.DataFrame:
        chosen = {"controller": part.controller, "replication": self.shown.replication}
        return part.study.table(name, **chosen).assign(controller=part.label)


def day_of(source: Source, replication: int | None = None) -> Day:
    """Return a day.

    Parameters
    ----------
    source
        An episode of `gridhaul.run`, several of one day, a study of `gridhaul.compare`, or a folder
        that ``out`` has filled.
    replication
        Which day of a study; None for the one with the most voltage violation.

    Raises
    ------
    InputError
        If it is none of these, keeps no steps, or has no such day.
    """
    episodes = [source] if isinstance(source, Episode) else source
    if isinstance(episodes, Sequence) and not isinstance(episodes, str):
        return _of_episodes(episodes, replication)
    if isinstance(source, Study):
        if source.stored is None:
            raise _refused(source, "comes without its tables", "Name the folder they are in")
        stored = read_study(source.stored())
    elif isinstance(source, str | os.PathLike):
        stored = read_study(Path(source))
    else:
        raise _refused(source, f"is of type {type(source).__name__}")
    if not stored.keeps("vm_pu"):
        raise _refused(source, "keeps no steps", 'Run it with keep="steps"')
    metrics = stored.table("episodes").set_index(["controller", "replication"])
    names = [each["label"] for each in stored.manifest["controllers"]]
    names = [name for name in names if name in metrics.index.get_level_values(0)]
    days = sorted(set(metrics.index.get_level_values(1)))
    if not days or (replication is not None and replication not in days):
        remedy = f"There is: {days[0]} to {days[-1]}" if days else "Run it again"
        raise _refused(replication, "is no day of this study", remedy, key="replication")
    chosen = most_violated_day(metrics, names) if replication is None else replication
    shown = read_day(stored, names, chosen)
    return Day(
        shown=shown,
        system=stored.manifest["system"],
        parts=tuple(_Part(name, stored, name) for name in shown.vm_pu),
    )


def _of_episodes(episodes: Sequence[Episode], replication: int | None) -> Day:
    for each in episodes:
        if not isinstance(each, Episode):
            raise _refused(each, f"is of type {type(each).__name__}")
        if each.stored is None:
            raise _refused(each, "comes without its tables", "Take it from gridhaul.run")
    if not episodes:
        raise _refused([], "has no episode")
    days_of = sorted({f"{each.scenario} {each.start:%Y-%m-%d}" for each in episodes})
    if len(days_of) > 1:
        remedy = "Draw them one by one, or run one replication of one scenario"
        raise _refused(", ".join(days_of), "are different days", remedy)
    if replication not in (None, episodes[0].replication):
        remedy = "Leave it out, or give a study"
        raise _refused(replication, "is not the day of this episode", remedy, key="replication")
    parts: list[_Part] = []
    days: list[ShownDay] = []
    for each in episodes:
        same = sum(part.controller == each.controller for part in parts)
        label = each.controller if not same else f"{each.controller} ({same + 1})"
        assert each.stored is not None  # looked at above
        stored = read_study(each.stored())
        parts.append(_Part(label, stored, each.controller))
        days.append(read_day(stored, [each.controller], each.replication))
    merged: dict[str, Any] = {
        name: {
            part.label: table
            for part, day in zip(parts, days, strict=True)
            for table in getattr(day, name).values()
        }
        for name in BY_CONTROLLER
    }
    return Day(
        shown=dataclasses.replace(days[0], **merged),
        system=parts[0].study.manifest["system"],
        parts=tuple(parts),
    )


def _refused(value: object, message: str, remedy: str = "", key: str = "what") -> InputError:
    return InputError.single(
        where="plot",
        key=key,
        value=value,
        message=message,
        remedy=remedy
        or "Give an episode of gridhaul.run, a study of gridhaul.compare, or a folder of one",
    )

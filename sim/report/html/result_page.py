"""The report of a result in memory: shown in a notebook, saved where one likes."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass
from pathlib import Path

from sim.episode.episode import Episode
from sim.errors import InputError
from sim.report.html.page import write_report
from sim.study.stress.curves import StressStudy
from sim.study.study import Study

FRAME_PX = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report: one HTML file that needs no network.

    Attributes
    ----------
    path
        Where it is; without ``out`` a temporary file, which goes with `result`.
    result
        What it is about.
    """

    path: Path
    result: Episode | Study | StressStudy

    def save(self, file: str | Path) -> Path:
        """Copy the page and return the path of the copy."""
        return Path(shutil.copyfile(self.path, file))

    def __repr__(self) -> str:
        return f"<Report {self.path}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page in a frame of its own."""
        page = html.escape(self.path.read_text(encoding="utf-8"))
        style = f"width:100%;height:{FRAME_PX}px;border:1px solid #ccc"
        return f'<iframe srcdoc="{page}" style="{style}"></iframe>'


def report(result: Episode | Study | StressStudy) -> Report:
    """Write the report of a result.

    Parameters
    ----------
    result
        What `gridhaul.run`, `gridhaul.compare` or `gridhaul.stress` returned. A study that was run
        without ``out`` has kept no tables: it is run again, into a temporary folder.

    Raises
    ------
    InputError
        If it is none of these.
    """
    stored = result.cells.stored if isinstance(result, StressStudy) else None
    if isinstance(result, Episode | Study):
        stored = result.stored
    if stored is None:
        raise InputError.single(
            where="report",
            key="result",
            value=result,
            message=f"of type {type(result).__name__} comes without its tables",
            remedy="Give what run, compare or stress returned, or call write_report(folder)",
        )
    return Report(path=write_report(stored()), result=result)

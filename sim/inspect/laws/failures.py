"""Law 6, nothing fails silently; and of a controller that is checked, nothing fails at all."""

from __future__ import annotations

from sim.episode.episode import Episode
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.source_line import line_in
from sim.inspect.laws.witness import Diary
from sim.scenario import Scenario


def law_named_failures(episode: Episode) -> None:
    """Every decision has a status, and every fallback a reason.

    Raises
    ------
    Broken
        If a failure has no reason, or is not counted.
    """
    decisions = episode.decisions
    failed = decisions[decisions["status"].isin(["failed", "infeasible"])]
    if (failed["fallback"] == "").any():
        raise Broken(f"failures: {episode.controller} fails without a reason")
    if episode.metrics["fallbacks"] != (decisions["fallback"] != "").sum():
        raise Broken(f"failures: fallbacks of {episode.controller} are not counted")
    if len(decisions) != episode.metrics["decisions"]:
        raise Broken(f"failures: decisions of {episode.controller} are lost")


def law_no_failures(scenario: Scenario, episode: Episode, diary: Diary, file: str) -> None:
    """No decision fails: none raises, and every plan can be read.

    Raises
    ------
    Broken
        With the first failure, and the line of `file` (the controller's) that raised it.
    """
    failed = episode.decisions[episode.decisions["status"] == "failed"]
    if failed.empty:
        return
    first = failed.iloc[0]
    at = line_in(diary.errors[0], file) if diary.errors else ""
    reason = str(first["fallback"])
    if at:  # the same line with its text
        reason = reason.rpartition(" (")[0]
    period = int(first["time_h"] // scenario.system.timing.period_h)
    raise Broken(
        f"failures: {episode.controller} on {scenario.name}: {len(failed)} of "
        f"{len(episode.decisions)} decisions fail, the first at {first['time_h']:g} h: "
        f"{reason}{at}",
        period=period,
    )

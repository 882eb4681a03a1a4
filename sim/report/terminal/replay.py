"""Print a replay on the terminal: the evidence, and the metrics of all episodes run."""

from __future__ import annotations

import pandas as pd
from rich.markup import escape

from sim.report.terminal.console import present
from sim.report.terminal.output import plain_table, print_json, terminal
from sim.report.wording import essential, figure, signed, title
from sim.study.replay.replay import Evidence, Replay, replay_summary

STATEMENTS = {
    Evidence.LOG: "The same again: the event log has the hash of the original, {sha256}, and all "
    "figures are equal.",
    Evidence.TABLES: "The folder holds no hash of the event log (it is of an earlier version). Its "
    "tables and figures are equal; the hash of the log is {sha256}.",
    Evidence.FIGURES: "The folder holds no hash of the event log (it is of an earlier version) and "
    "no tables. All figures are equal; the hash of the log is {sha256}.",
}


def print_replay(found: Replay, *, as_json: bool = False, everything: bool = False) -> None:
    """Print a replay: the evidence, and the metrics side by side."""
    if as_json:
        print_json(replay_summary(found))
        return
    episode, handed = found.episode, found.handed_over
    table = plain_table(
        f"{escape(episode.controller)} on {escape(episode.scenario)}, "
        f"replication {episode.replication}, from {episode.start:%Y-%m-%d %H:%M}"
    )
    table.add_column("figure")
    headings = ["original", "replay"]
    if handed:
        headings += [f"{handed.controller} from period {handed.from_period}", "difference"]
    for heading in headings:
        table.add_column(escape(heading), justify="right")
    shown = [episode.metrics, *([handed.episode.metrics] if handed else [])]
    for name in present(episode.metrics) if everything else essential(pd.DataFrame(shown)):
        cells = [
            figure(name, found.metrics.get(name, float("nan"))),
            figure(name, episode.metrics[name]),
        ]
        if handed:
            other = handed.episode.metrics[name]
            cells += [figure(name, other), signed(other - episode.metrics[name])]
        table.add_row(escape(title(name)), *cells)
    console = terminal()
    console.print(table)
    console.print(STATEMENTS[found.evidence].format(sha256=found.log_sha256))
    if handed:
        console.print(
            f"Until {handed.from_h:g} h, when {escape(str(handed.controller))} takes over, the day "
            f"is the same: the event log before it has the hash {handed.before_sha256} with and "
            "without."
        )

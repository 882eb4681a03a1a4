"""Time stamps of a record: evenly spaced, in standard time, whole days from midnight."""

from __future__ import annotations

import numpy as np

from sim.scenario.problems import Problems

DAY_S = 86400
HOUR_S = 3600
MOST_ROWS = 10
FIRST_YEAR, LAST_YEAR = np.datetime64("1900"), np.datetime64("2200")
STANDARD_TIME = (
    "Give standard time all year, for example with pandas: "
    "times.dt.tz_localize(zone, ambiguous='infer').dt.tz_convert('Etc/GMT-1').dt.tz_localize(None)"
)


def check_timestamps(times: np.ndarray, where: str, problems: Problems) -> int:
    """Return the spacing of the rows [s]; note every row at which it is broken.

    Parameters
    ----------
    times
        Stamps, ``(row,)``, ``datetime64[s]``.
    where
        The file, for messages.
    problems
        Takes note of duplicates, rows out of order, gaps, clocks put forward or back, a first row
        that is not midnight, a last day that is not whole.
    """
    if len(times) < 2:
        remedy = "Give evenly spaced rows from midnight, whole days"
        problems.add(where, "time", len(times), "has fewer than two rows", remedy)
        return 1
    steps = np.diff(times).astype(np.int64)
    # What most rows keep to; the first pair may be the one that is wrong.
    found, count = np.unique(steps, return_counts=True)
    step_s = int(found[count.argmax()])
    uneven = np.flatnonzero(steps != step_s)
    if step_s <= 0:
        uneven = np.flatnonzero(steps <= 0)
    for k in uneven[:MOST_ROWS].tolist():
        message, remedy = _explain(times[k], int(steps[k]), step_s)
        problems.add(where, f"row {k + 2}, time", str(times[k + 1]), message, remedy)
    if uneven.size > MOST_ROWS:
        message = f"are {uneven.size} breaks in the spacing in all; the first {MOST_ROWS} are named"
        problems.add(where, "time", uneven.size, message, "Give evenly spaced rows")
    if uneven.size:
        return 1
    if not FIRST_YEAR <= times[0].astype("datetime64[Y]") <= LAST_YEAR:
        message = f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
        problems.add(where, "row 1, time", str(times[0]), message, "Correct the year")
    if times[0] != times[0].astype("datetime64[D]"):
        remedy = "Start the record at 00:00"
        problems.add(where, "row 1, time", str(times[0]), "is not midnight", remedy)
    if (len(times) * step_s) % DAY_S or DAY_S % step_s:
        message = f"rows of {step_s} s are not whole days"
        remedy = "Let the step divide a day, and give whole days"
        problems.add(where, "time", len(times), message, remedy)
    return step_s


def _explain(before: np.datetime64, step_s: int, usual_s: int) -> tuple[str, str]:
    """Return what is wrong with a row that comes `step_s` after the one `before`, and a remedy."""
    if step_s == usual_s + HOUR_S and _last_sunday(before, 3):
        return "skips an hour: clocks were put forward", STANDARD_TIME
    if step_s == usual_s - HOUR_S and _last_sunday(before, 10):
        return "repeats an hour: clocks were put back", STANDARD_TIME
    if step_s == 0:
        return "stands there twice", "Remove one of the two rows"
    if step_s < 0:
        return "comes before the row above it", "Sort the rows by time"
    if usual_s > 0 and step_s % usual_s == 0:
        rows = step_s // usual_s - 1
        remedy = "Add them, for example with pandas: resample and interpolate"
        return f"comes after a gap of {rows} missing rows", remedy
    return (
        f"comes {step_s} s after the row above it, others come after {usual_s} s",
        "Give evenly spaced rows",
    )


def _last_sunday(stamp: np.datetime64, month: int) -> bool:
    """Whether `stamp` lies on the last Sunday of `month`, when European clocks change."""
    day = stamp.astype("datetime64[D]")
    month_of = day.astype("datetime64[M]").astype(int) % 12 + 1
    # 1970-01-01 was a Thursday.
    weekday = (int(day.astype(int)) + 3) % 7
    next_week = (day + 7).astype("datetime64[M]").astype(int) % 12 + 1
    return bool(month_of == month and weekday == 6 and next_week != month)

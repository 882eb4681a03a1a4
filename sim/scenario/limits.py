"""Limits on the size of a scenario, so that no episode runs out of memory.

The bounds are generous: ten years in steps of a minute, half a million cars. A value beyond
them is a typing error.
"""

from __future__ import annotations

from sim.scenario.content import Content
from sim.scenario.problems import Problems
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.ways import MOST_LINKS
from sim.system.timing import Timing

MOST_STEPS = 6_000_000
MOST_EV_SESSIONS = 2_000_000  # 700 bytes each
MOST_RAIL_DELAYS = 1_000_000
MOST_ROWS = 10_000_000  # of a record as it stands in its file
# Numbers of eight bytes: 1.6 GB, 800 MB and 800 MB.
MOST_READINGS = 200_000_000
MOST_FORECASTS = 100_000_000
MOST_RECORDED = 100_000_000
MOST_PLACES = 2_000  # a planner looks for the ways between all of them
MOST_TRAVEL_TIMES = 24_000_000  # of a forecast: mean and bounds, 600 MB


def check_size(
    config: ScenarioFile,
    content: Content,
    n_profiles: int,
    timing: Timing,
    where: str,
    problems: Problems,
) -> None:
    """Note what makes an episode too large to be computed.

    Parameters
    ----------
    config, content
        The scenario.
    n_profiles
        Number of profiles in use.
    timing
        Its time grid.
    where
        The TOML file, for messages.
    problems
        Takes note.
    """
    things = sum(
        len(table.rows)
        for table in (
            content.buses,
            content.lines,
            content.transformers,
            content.loads,
            content.generators,
            content.units,
            content.vehicles,
            content.trains,
        )
    )
    things += min(len(content.road_links.rows), MOST_LINKS)
    days = -(-timing.n_steps // timing.steps_per_day)
    cars = sum(group.count for group in config.ev)
    issues = timing.n_periods + timing.horizon
    shorter = "Shorten the episode or lengthen timing.step_min"
    stations = [row for _, row in content.stations.rows]
    places = len({row.road_node for row in stations if row.road_node is not None})
    for key, value, count, most, what, remedy in (
        (
            "stations.csv",
            len(stations),
            places,
            MOST_PLACES,
            "road nodes with stations, between which ways are looked for",
            "Put stations that are close together at one road node",
        ),
        (
            "timing.horizon_h",
            timing.horizon * timing.period_h,
            timing.horizon * len(stations) ** 2,
            MOST_TRAVEL_TIMES,
            "driving times in a forecast (periods of the horizon times pairs of stations)",
            "Shorten the horizon, or leave stations out",
        ),
        ("timing.days", days, timing.n_steps, MOST_STEPS, "steps", shorter),
        (
            "timing.step_min",
            timing.step_s / 60,
            timing.n_steps * things,
            MOST_READINGS,
            "readings (steps times buses, branches, loads, links, vehicles)",
            shorter,
        ),
        (
            "timing.horizon_h",
            timing.horizon * timing.period_h,
            issues * timing.horizon * n_profiles,
            MOST_FORECASTS,
            "forecast values (periods times horizon times profiles)",
            "Shorten the horizon or lengthen timing.period_min",
        ),
        (
            "rails.slot_h",
            config.rails.slot_h,
            round(timing.end_h / config.rails.slot_h) * len(content.rail_tracks.rows),
            MOST_RAIL_DELAYS,
            "delays of trains (slots times tracks)",
            "Lengthen rails.slot_h or shorten the episode",
        ),
        (
            "ev.count",
            cars,
            cars * (days + 1),
            MOST_EV_SESSIONS,
            "stays of electric cars (cars times days)",
            "Let one car with more power stand for several, or shorten the episode",
        ),
    ):
        if count > most:
            message = f"makes {count:,} {what}; at most {most:,} are computed"
            problems.add(where, key, value, message, remedy)

"""The figures of the report, one by one: ``gridhaul.plot.dispatch(episode)``.

Figures of a day take an episode of `gridhaul.run`, or a list of such episodes of one day; or a
study, or its folder: of these they show the day with the most voltage violation, or `replication`.
Figures of all days take what `gridhaul.compare` returned. All are plotly figures: a notebook shows
them, elsewhere there are ``.show()`` and ``.write_html(file)``. The map is part of the report.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from sim.errors import InputError
from sim.plugins import suggestion
from sim.report.figures import (
    cars,
    heatmap,
    loading,
    supply,
)
from sim.report.figures import (
    comparison as compared,
)
from sim.report.figures import (
    distribution as distributed,
)
from sim.report.figures import (
    energy as stored,
)
from sim.report.figures import (
    fan as fanned,
)
from sim.report.figures import (
    front as fronts,
)
from sim.report.figures import (
    penalty as penalties,
)
from sim.report.figures import (
    prices as priced,
)
from sim.report.figures import (
    timetable as timetables,
)
from sim.report.figures import (
    waterfall as steps,
)
from sim.report.html import stress_page
from sim.report.html.any_day import Source, day_of
from sim.report.html.day_figures import limits_of
from sim.report.html.objective_parts import by_controller, parts_of_objective
from sim.study.pareto import Front
from sim.study.stress.curves import StressStudy
from sim.study.study import Study

__all__ = (
    *("dispatch", "voltages", "voltage_map", "loadings", "penalty", "vehicles", "energy"),
    *("electric_cars", "timetable", "prices"),
    *("comparison", "distribution", "costs", "waterfall", "fan", "curves", "front"),
)


def __dir__() -> list[str]:
    return sorted(__all__)


def dispatch(what: Source, replication: int | None = None) -> go.Figure:
    """Draw what supplied the load over a day: power by source and use, and the price beneath.

    Parameters
    ----------
    what
        An episode, several of one day, a study, or its folder.
    replication
        Which day of a study; None for the one with the most voltage violation.

    Raises
    ------
    InputError
        If it is none of these, or keeps no steps.
    """
    day = day_of(what, replication)
    return supply.figure(day.steps, day.shown.start, day.system["end_h"])


def voltages(what: Source, replication: int | None = None) -> go.Figure:
    """Draw the band between lowest and highest bus voltage, and the limits; see `dispatch`."""
    day = day_of(what, replication)
    return compared.voltages(day.shown.vm_pu, *day.limits_pu, day.shown.start)


def voltage_map(what: Source, replication: int | None = None) -> go.Figure:
    """Draw the voltage of every bus as a heat map, of a large grid the critical ones."""
    day = day_of(what, replication)
    v_min_pu, v_max_pu = day.limits_pu
    shown = heatmap.buses_shown(day.shown.vm_pu, v_min_pu, v_max_pu)
    vm_pu = {name: table.iloc[:, shown] for name, table in day.shown.vm_pu.items()}
    return heatmap.figure(vm_pu, v_min_pu[shown], v_max_pu[shown], day.shown.start)


def loadings(what: Source, replication: int | None = None) -> go.Figure:
    """Draw the highest loading of lines and transformers; see `dispatch`."""
    day = day_of(what, replication)
    return loading.figure(day.loading_percent, day.shown.start)


def penalty(what: Source, replication: int | None = None, *, by: str = "hour") -> go.Figure:
    """Draw when or where violated limits cost.

    Parameters
    ----------
    what, replication
        See `dispatch`.
    by
        ``"hour"``, or ``"place"`` for buses and branches.

    Raises
    ------
    InputError
        If `by` is neither, or as `dispatch`.
    """
    if by not in ("hour", "place"):
        raise InputError.single(
            where="plot.penalty",
            key="by",
            value=by,
            message="is no way to split a penalty",
            remedy="There is: hour, place",
        )
    day = day_of(what, replication)
    limits = limits_of(day.system)
    usd = {
        name: penalties.by_place_and_time(table, day.loading_percent[name], limits)
        for name, table in day.shown.vm_pu.items()
    }
    if by == "place":
        return penalties.figure_by_place(usd)
    return penalties.figure_by_hour(usd, day.shown.start, day.system["end_h"])


def vehicles(what: Source, replication: int | None = None) -> go.Figure:
    """Draw what each vehicle did, where, from when to when; see `dispatch`."""
    day = day_of(what, replication)
    return compared.timeline(day.shown.bars, day.shown.start, day.system["end_h"])


def energy(what: Source, replication: int | None = None) -> go.Figure:
    """Draw the energy stored in each vehicle; see `dispatch`."""
    day = day_of(what, replication)
    return stored.figure(day.shown.vehicles, day.shown.start, day.system["end_h"])


def electric_cars(what: Source, replication: int | None = None) -> go.Figure:
    """Draw what electric cars drew, between the least and the most; see `dispatch`."""
    day = day_of(what, replication)
    _check(day.shown.cars, "has no electric cars")
    return cars.figure(day.shown.cars, day.shown.start, day.system["end_h"])


def timetable(what: Source, replication: int | None = None) -> go.Figure:
    """Draw the timetable that trains have run; see `dispatch`."""
    day = day_of(what, replication)
    rails = day.system["map"]["rails"]
    _check(rails["trains"], "has no trains")
    places = zip(day.system["stations"], rails["stations"], strict=True)
    nodes = {station["name"]: node for station, node in places if node is not None}
    return timetables.figure(
        day.shown.spans, day.shown.bars, rails, nodes, day.shown.start, day.system["end_h"]
    )


def prices(what: Source, replication: int | None = None) -> go.Figure:
    """Draw locational marginal prices, of controllers that find any; see `dispatch`."""
    day = day_of(what, replication)
    _check(day.shown.prices, "has no locational marginal prices")
    return priced.figure(day.shown.prices, day.shown.start, day.system["end_h"])


def comparison(study: Study) -> go.Figure:
    """Draw the paired differences from the first controller, with 95 % intervals.

    Parameters
    ----------
    study
        What `gridhaul.compare` returned.

    Raises
    ------
    InputError
        If it is none, or has one controller only.
    """
    _check_study(study)
    _check(study.controllers[1:], "has one controller only")
    return compared.paired(study.paired, study.controllers)


def distribution(study: Study) -> go.Figure:
    """Draw the objective of each day as a point, by controller; see `comparison`."""
    _check_study(study)
    return distributed.figure(
        study.metrics["objective_usd"].unstack("controller")[[*_names(study)]]
    )


def costs(study: Study) -> go.Figure:
    """Draw the payments and penalties that make up the objective; see `comparison`."""
    _check_study(study)
    return compared.ledger(_parts(study), _names(study))


def waterfall(study: Study) -> go.Figure:
    """Draw the way from the objective of the first controller to the others; see `comparison`."""
    _check_study(study)
    return steps.figure(by_controller(_parts(study), _names(study)))


def _parts(study: Study) -> pd.DataFrame:
    return parts_of_objective(study.ledger, study.metrics, study.parties)


def fan(study: Study) -> go.Figure:
    """Draw quantiles over all days of the lowest and the highest voltage; see `comparison`."""
    _check_study(study)
    day = day_of(study)
    v_min_pu, v_max_pu = day.limits_pu
    found = fanned.quantiles(day.parts[0].study.table("steps"))
    return fanned.figure(found, _names(study), float(v_min_pu.max()), float(v_max_pu.min()))


def curves(study: StressStudy, metric: str = "objective_usd", axis: str | None = None) -> go.Figure:
    """Draw a metric along an axis of a stress study, with 95 % intervals.

    Parameters
    ----------
    study
        What `gridhaul.stress` returned.
    metric
        Which figure; see ``gridhaul describe metric``.
    axis
        Which axis; None for the first with at least two positions.

    Raises
    ------
    InputError
        If there is no such axis or metric.
    """
    _check_type(study, StressStudy, "what gridhaul.stress returned")
    axes = {each.name: each for each in study.design.axes if each.is_curve}
    _check(axes, "has no axis with two positions")
    chosen = next(iter(axes)) if axis is None else axis
    for key, value, known in (
        ("axis", chosen, [*axes]),
        ("metric", metric, [*study.cells.metrics.columns]),
    ):
        if value not in known:
            raise InputError.single(
                where="plot.curves",
                key=key,
                value=value,
                message=f"is no {key} of this study",
                remedy=suggestion(value, known),
            )
    along = [each for each in study.design.slices() if each.axis is axes[chosen]]
    return stress_page.curves_along(study, along, metric)


def front(found: Front) -> go.Figure:
    """Draw the front of `gridhaul.pareto`, one panel per pair of objectives."""
    _check_type(found, Front, "what gridhaul.pareto returned")
    return fronts.front(found.table, found.objectives)


def _names(study: Study) -> list[str]:
    finished = set(study.metrics.index.get_level_values("controller"))
    return [name for name in study.controllers if name in finished]


def _check_study(study: object) -> None:
    _check_type(study, Study, "what gridhaul.compare returned")


def _check_type(value: object, wanted: type, remedy: str) -> None:
    if not isinstance(value, wanted):
        raise InputError.single(
            where="plot",
            key="study",
            value=value,
            message=f"is of type {type(value).__name__}",
            remedy=f"Give {remedy}",
        )


def _check(found: object, message: str) -> None:
    """Refuse what there is nothing of to draw."""
    if not found:
        raise InputError.single(
            where="plot",
            key="what",
            value="",
            message=f"the day or study {message}",
            remedy="Choose another figure",
        )

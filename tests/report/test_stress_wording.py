"""What a stress study says of known figures: who overtakes whom, whether delays rise."""

from __future__ import annotations

import pandas as pd
import pytest

from sim.report.stress_wording import Sentence, sentences
from sim.study.stress.curves import StressStudy
from sim.study.stress.design import Axis, Design, Level, cell_label
from sim.study.study import Study

DAYS = 20


def axis(name: str, places: dict[str, float | None], raises: str = "") -> Axis:
    levels = tuple(Level(label=own, position=at, overrides={}) for own, at in places.items())
    return Axis(name=name, unit="", levels=levels, scale=name, raises=raises)


TRAFFIC = axis("traffic.intensity", {"1": 1.0, "2": 2.0, "4": 4.0}, raises="delay_h")
EVENTS = axis("pack faults", {"as given": None, "line out": None})


def found(
    design: Design, objective: dict[str, list[float]], delay: dict[str, list[float]]
) -> list[Sentence]:
    """Return what is said if the mean figures at the points are these, and days hardly differ."""
    rows = [
        (
            cell_label(name, point),
            day,
            objective[name][k] + 1e-3 * ((day * 7) % 11 - 5),
            delay[name][k],
        )
        for day in range(DAYS)
        for k, point in enumerate(design.points)
        for name in objective
    ]
    columns = ["controller", "replication", "objective_usd", "delay_h"]
    metrics = pd.DataFrame(rows, columns=columns).set_index(["controller", "replication"])
    names = tuple(objective)
    cells = Study(
        scenario="s",
        seed=1,
        replications=DAYS,
        controllers=tuple(cell_label(name, point) for point in design.points for name in names),
        metrics=metrics.assign(trips=2.0),
        timings=pd.DataFrame(),
        ledger=pd.DataFrame(),
        failures=(),
    )
    return list(sentences(StressStudy(cells=cells, controllers=names, design=design)))


def test_a_crossover_is_told_with_its_place_and_who_is_better_from_then_on() -> None:
    told = found(
        Design(axes=(TRAFFIC,)),
        {"moving": [1.0, 3.0, 9.0], "parked": [4.0, 4.0, 4.0]},
        {"moving": [0.2, 0.4, 0.8], "parked": [0.0, 0.0, 0.0]},
    )
    assert told[0].text.startswith(
        "parked overtakes moving at traffic.intensity = 2.333 (95 % interval: 2.333 to 2.333)."
    )
    assert told[1].text == (
        "Delay on the way per trip rises with traffic.intensity under moving [h]: 0.100 at 1, "
        "0.200 at 2, 0.400 at 4."
    )
    assert not any(own.warning for own in told)


def test_the_absence_of_a_crossover_is_told_with_its_range() -> None:
    told = found(
        Design(axes=(TRAFFIC,)),
        {"moving": [1.0, 2.0, 3.0], "parked": [4.0, 4.0, 4.0]},
        {"moving": [0.2, 0.4, 0.8], "parked": [0.0, 0.0, 0.0]},
    )
    assert told[0].text == (
        "No crossover of parked and moving for traffic.intensity in [1, 4]: moving does better "
        "throughout (in all of the resamples)."
    )


def test_delays_that_fall_are_a_warning() -> None:
    told = found(Design(axes=(TRAFFIC,)), {"moving": [1.0, 2.0, 3.0]}, {"moving": [0.2, 0.6, 0.4]})
    (warning,) = told
    assert warning.warning
    assert "does not rise with traffic.intensity throughout under moving" in warning.text
    assert "it falls between 2 and 4" in warning.text


@pytest.mark.parametrize("order", [1, -1])
def test_points_on_no_axis_are_compared_with_the_first(order: int) -> None:
    told = found(
        Design(axes=(EVENTS,)),
        {"a": [1.0 * order, 5.0 * order], "b": [2.0 * order, 4.0 * order]},
        {"a": [0.0, 0.0], "b": [0.0, 0.0]},
    )
    better, worse = ("b", "a") if order == 1 else ("a", "b")
    assert [own.text for own in told] == [
        f"line out: {better} does better than {worse}, the other way round than at as given."
    ]


def test_with_two_axes_it_says_where_the_other_one_is_held() -> None:
    told = found(
        Design(axes=(TRAFFIC, EVENTS)),
        {"a": [1.0, 5.0, 2.0, 5.0, 3.0, 5.0], "b": [2.0, 4.0, 1.0, 4.0, 1.0, 4.0]},
        {"a": [0.0] * 6, "b": [0.0] * 6},
    )
    text = [own.text for own in told if "overtakes" in own.text or "crossover" in own.text]
    assert "b overtakes a at traffic.intensity = 1.5 at as given (95 %" in text[0]
    assert "in [1, 4] at line out: b does better throughout" in text[1]

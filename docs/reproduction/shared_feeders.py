"""Write the figures of ``shared_feeders.md`` anew: ``make reproduction``, or run this file.

With a folder (``python docs/reproduction/shared_feeders.py FOLDER``) finished days are kept in it,
and another run goes on from there.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from page import put, table
from scipy import stats

import gridhaul as gh
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.distances import station_distances_km
from controllers.shared_rental.case import Case, Operator, case_of
from controllers.shared_rental.margins import margin_of
from controllers.shared_rental.offers import Answer, Offer
from controllers.shared_rental.operators import answer
from controllers.shared_rental.search import Found, best_offer
from controllers.shared_rental.settlement import Settled
from controllers.shared_rental.shared_rental import SharedRentalPlanning
from controllers.uncertainty_sets.chance.moments import kappa
from sim.control import Capabilities, Observation
from sim.episode.specification import ControllerSpec
from sim.scenario import Scenario
from sim.study.inference.statistics import difference_at, paired
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature
from sim.world.world import World

PAGE = Path(__file__).with_suffix(".md")
REPLICATIONS, WORKERS = 50, 2
N_DRAWS = 10_000
RISKS = (0.02, 0.05, 0.1, 0.2, 0.3)
LAWS = {
    "normal": ("normal", "#0072b2"),
    "student": ("Student's t, 3 degrees", "#009e73"),
    "worst": ("worst two-point law", "#d55e00"),
}
VARIANTS: dict[str, dict[str, object]] = {
    "chance, eps 0.05 (default)": {},
    "chance, eps 0.1": {"eps": 0.1},
    "deterministic": {"uncertainty": "none"},
    "robust, ±3 sigma": {"uncertainty": "box", "deviations": 3.0},
    "robust, ±kappa sigma": {"uncertainty": "box"},
    "fixed price 60": {"price_levels": (60.0,)},
    "no sharing": {"sharing": False},
    "social planner": {"leader": "planner"},
}
CLOSED = (
    ControllerSpec(name="shared_rental"),
    ControllerSpec(name="shared_rental", parameters=(("sharing", False), ("gap", 0.05))),
)


@dataclass(frozen=True)
class Run:
    """What one variant finds at midnight of the first day."""

    case: Case
    found: Found
    seconds: float


def main() -> None:
    """Run models and study, and put their figures into the page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    study = gh.compare(
        gh.load_scenario("shared_feeders"),
        list(CLOSED),
        replications=REPLICATIONS,
        workers=WORKERS,
        verify="off",
        out=folder and folder / "sharing",
    )
    metrics = {
        name: study.metrics.loc[own]
        for name, own in zip(("shared", "tied"), study.controllers, strict=True)
    }
    difference = difference_at(
        paired(study.metrics, study.controllers, study.days),
        study.controllers[1],
        "objective_usd",
    )
    put(PAGE, "figures", f"{models()}\n{closed_loop(metrics['shared'], metrics['tied'])}\n"
          f"Difference of objectives, paired: {difference.mean:,.0f} USD a day, 95 % interval "
          f"{difference.ci95_low:,.0f} to {difference.ci95_high:,.0f}.\n")  # fmt: skip


def models() -> str:
    """Return the tables of the first day's models."""
    scenario = gh.load_scenario("shared_feeders")
    observation = midnight(scenario)
    runs = {name: run(scenario, observation, own) for name, own in VARIANTS.items()}
    default = runs["chance, eps 0.05 (default)"]
    return "\n".join(
        [
            "### Variants\n",
            variants(runs),
            "### Decomposition\n",
            decomposition(
                {**runs, "default, to 0.2 %": run(scenario, observation, {"gap": 0.002})}
            ),
            "### At the same prices and visits\n",
            same_offer(scenario, observation, default),
            "### Violations out of sample\n",
            violations(scenario, observation, default),
        ]
    )


def midnight(scenario: Scenario) -> Observation:
    """Return the first observation of replication 0."""
    nature = Nature.build(scenario.system, scenario.uncertainty)
    day = nature.draw(scenario.seed, 0)
    forecaster = CalibratedForecaster.build(nature, day)
    world = World(scenario.system, day, forecaster, Capabilities(), power_flow=None)
    return next(world.decisions())


def posed(scenario: Scenario, observation: Observation, own: SharedRentalPlanning) -> Case:
    """Return the case of a variant."""
    margin = margin_of(own.uncertainty, own.eps, own.deviations)
    return case_of(scenario.system, observation, station_distances_km(scenario.system), margin)


def run(scenario: Scenario, observation: Observation, changes: dict[str, object]) -> Run:
    """Return what a variant finds."""
    own = SharedRentalPlanning(**changes)  # type: ignore[arg-type]
    case = posed(scenario, observation, own)
    began = time.process_time()
    found = best_offer(case, own.decision())
    return Run(case=case, found=found, seconds=time.process_time() - began)


def cost_usd(case: Case, settled: Settled) -> float:
    """Return what owner and operators pay to others [USD]."""
    return settled.grid_usd + settled.fleet_usd(case)


def curtailed_mwh(case: Case, answers: dict[int, Answer]) -> float:
    """Return what all operators curtail [MWh]."""
    return sum(float(own.curtailed_mw.sum()) for own in answers.values()) * case.period_h


def exchanged_mwh(case: Case, settled: Settled) -> float:
    """Return what all trucks charge and discharge [MWh]."""
    used = sum(float(own.use_mw.sum()) for own in settled.answers.values())
    return used * case.period_h


def variants(runs: dict[str, Run]) -> str:
    """Return profit, cost, curtailment and use of the variants."""
    planner = runs["social planner"]
    best = cost_usd(planner.case, planner.found.settled)
    least = best - (planner.found.objective_usd - planner.found.bound_usd)
    rows = []
    for name, own in runs.items():
        case, settled = own.case, own.found.settled
        total, mwh = cost_usd(case, settled), exchanged_mwh(case, settled)
        capacity = float((case.batteries.upper_mwh - case.batteries.lower_mwh)[:, 0].sum())
        stored = case.batteries.efficiency_charge.mean()
        rows.append(
            (
                name,
                f"{settled.owner_usd(case) if own is not planner else 0.0:,.0f}",
                f"{settled.rent_usd:,.0f}",
                f"{settled.grid_usd:,.0f}",
                f"{total:,.0f}",
                f"{100 * (total - best) / best:.1f} % ({100 * (total - least) / least:.1f} %)",
                f"{curtailed_mwh(case, settled.answers):.2f}",
                f"{mwh * stored / 2 / capacity:.2f}",
            )
        )
    header = (
        "variant", "owner's profit", "rent", "grid cost", "cost of all",
        "above the planner (its bound)", "curtailed MWh", "cycles",
    )  # fmt: skip
    return table(header, rows) + "\n"


def decomposition(runs: dict[str, Run]) -> str:
    """Return bounds and gaps of the rounds."""
    rows = []
    for name, own in runs.items():
        log = own.found.log
        for i, entry in enumerate(log, 1):
            # Rounds that change nothing are left out, but for the last.
            if 1 < i < len(log) and entry.upper > log[i - 2].upper - 0.005:
                continue
            rows.append(
                (
                    name if i == 1 else "",
                    str(i),
                    f"{entry.lower:,.2f}",
                    f"{entry.upper:,.2f}",
                    f"{100 * entry.gap:.2f} %",
                    f"{own.seconds:.0f}" if i == len(log) else "",
                )
            )
    header = ("variant", "round", "lower bound USD", "upper bound USD", "gap", "processor s")
    return table(header, rows) + "\n"


def same_offer(scenario: Scenario, observation: Observation, default: Run) -> str:
    """Return grid cost and rent at one offer under several margins."""
    offer, rows = default.found.settled.offer, []
    for name in ("deterministic", "chance, eps 0.05 (default)", "robust, ±3 sigma",
                 "robust, ±kappa sigma"):  # fmt: skip
        case = posed(scenario, observation, SharedRentalPlanning(**VARIANTS[name]))  # type: ignore[arg-type]
        answers = answered(case, offer)
        total = sum(own.cost_usd for own in answers.values())
        rent = sum(own.rent_usd for own in answers.values())
        rows.append((name, f"{total:,.2f}", f"{rent:,.2f}", f"{curtailed_mwh(case, answers):.2f}"))
    return table(("margin", "operators' cost USD", "rent USD", "curtailed MWh"), rows) + "\n"


def answered(case: Case, offer: Offer) -> dict[int, Answer]:
    """Return the operators' answers to an offer."""
    return {
        area: answer(
            case, area, offer.of_area(area), offer.price_usd_per_mwh[:, area], WorkLimits()
        )
        for area in range(len(case.operators))
    }


def violations(scenario: Scenario, observation: Observation, default: Run) -> str:
    """Return how often rows are violated, against eps, under three laws; and draw it."""
    offer, found = default.found.settled.offer, {}
    for eps in RISKS:
        case = posed(scenario, observation, SharedRentalPlanning(eps=eps))
        found[eps] = frequencies(case, offer, answered(case, offer), kappa(eps))
    PAGE.with_suffix(".svg").write_text(picture(found), encoding="utf-8")
    rows = [
        (f"{eps:g}", *(f"{own[law]:.4f}" for law in LAWS), f"{own['bought off']:.0f}")
        for eps, own in found.items()
    ]
    header = ("eps", *(label for label, _ in LAWS.values()), "rows bought off")
    return f"{table(header, rows)}\n![Frequency of violation against eps]({PAGE.stem}.svg)\n"


def picture(found: dict[float, dict[str, float]]) -> str:
    """Return the frequency of violation against eps as SVG, a line for each law."""
    size, edge = 260, 40
    scale = size / max(RISKS)

    def at(eps: float, frequency: float) -> str:
        return f"{edge + eps * scale:.1f},{edge + size - frequency * scale:.1f}"

    whole = size + 2 * edge
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole + 170}" height="{whole}"'
    diagonal = f"{at(0, 0)} {at(max(RISKS), max(RISKS))}"
    top = f"{max(RISKS):g}"
    parts = [
        f'{head} font-family="sans-serif" font-size="11">',
        f'<rect width="{whole + 170}" height="{whole}" fill="white"/>',
        f'<path d="M{edge} {edge}V{edge + size}H{edge + size}" fill="none" stroke="#999"/>',
        f'<polyline fill="none" stroke="#999" stroke-dasharray="4" points="{diagonal}"/>',
        f'<text x="{edge - 6}" y="{edge + 4}" text-anchor="end">{top}</text>',
        f'<text x="{edge + size}" y="{edge + size + 16}" text-anchor="middle">{top}</text>',
        f'<text x="{edge - 6}" y="{edge + size + 16}" text-anchor="end">0</text>',
        f'<text x="{edge + size / 2}" y="{edge + size + 28}" text-anchor="middle">eps</text>',
        f'<text x="{edge}" y="{edge - 14}">largest frequency of violation of a row</text>',
    ]
    for k, (law, (label, colour)) in enumerate(LAWS.items()):
        points = " ".join(at(eps, own[law]) for eps, own in found.items())
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'
        )
        place = f'x="{edge + size + 20}" y="{edge + 16 * k + 10}"'
        parts.append(f'<text {place} fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>\n"])


def frequencies(
    case: Case, offer: Offer, answers: dict[int, Answer], most: float
) -> dict[str, float]:
    """Return the largest frequency with which a row is violated.

    Rows that leave less than `most` standard deviations are bought off: they are counted.
    """
    rng = np.random.default_rng(1)
    worst = {"normal": 0.0, "student": 0.0, "worst": 0.0, "bought off": 0.0}
    for area, operator in enumerate(case.operators):
        assert operator is not None
        for t in range(case.n_periods):
            stands, errors = _rows(operator, offer, answers[area], area, t)
            factor = operator.errors[t].factor
            normal = rng.standard_normal((N_DRAWS, factor.shape[1])) @ factor.T
            heavy = normal / np.sqrt(rng.chisquare(3, (N_DRAWS, 1)))
            spread = np.linalg.norm(errors @ factor, axis=1)
            varies = spread > 1e-9
            kept = varies & (-stands >= most * spread - 1e-6)
            worst["bought off"] += float((varies & ~kept).sum())
            if not kept.any():
                continue
            for law, draws in (("normal", normal), ("student", heavy)):
                beyond = (draws @ errors[kept].T > -stands[kept] + 1e-9).mean(axis=0)
                worst[law] = max(worst[law], float(beyond.max()))
            room = -stands[kept] / spread[kept]
            worst["worst"] = max(worst["worst"], float((1 / (1 + room**2)).max()))
    return worst


def _rows(
    operator: Operator, offer: Offer, own: Answer, area: int, t: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return where rows stand at the mean, and how errors move them."""
    legs = offer.of_area(area)
    injected = sum(leg.direction * use[t] for leg, use in zip(legs, own.use_mw, strict=True))
    factor = sum(float(responds[t]) for responds in own.factor)
    rows = operator.rows
    stands = rows.base[t] + rows.of_p * injected + rows.of_curtailed @ own.curtailed_mw[t]
    errors = rows.of_error - np.outer(rows.of_p, operator.error_mw) * factor
    return stands, errors


def closed_loop(shared: pd.DataFrame, tied: pd.DataFrame) -> str:
    """Return means over the days, with sharing and without, and paired intervals."""
    keys = {
        "objective USD": "objective_usd",
        "penalty USD": "penalty_usd",
        "curtailed MWh": "curtailed_mwh",
        "exchanged MWh": "throughput_mwh",
        "trips": "trips",
        "owner's profit USD": "profit_usd_by_party.rental",
        "operators' profit USD": "operators",
    }
    rows = []
    for name, key in keys.items():
        one, other = _values(shared, key), _values(tied, key)
        apart = one - other
        half = stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
        rows.append(
            (
                name,
                f"{one.mean():,.2f}",
                f"{other.mean():,.2f}",
                f"{apart.mean():,.2f} ± {half:,.2f}",
            )
        )
    header = ("mean of a day", "shared", "no sharing", "difference, 95 %")
    return f"### Closed loop, {len(shared)} days\n\n{table(header, rows)}\n"


def _values(metrics: pd.DataFrame, key: str) -> np.ndarray:
    if key == "operators":
        names = [f"profit_usd_by_party.operator {area}" for area in "ABC"]
        return metrics[names].sum(axis=1).to_numpy()
    return metrics[key].to_numpy()


if __name__ == "__main__":
    main()

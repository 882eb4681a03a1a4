"""Write the figures of ``three_bus.md`` anew: ``make reproduction``, or run this file."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from page import put, table

import gridhaul as gh
from sim.episode.episode import Episode

PAGE = Path(__file__).with_suffix(".md")
METERS = ("published", "slack")
CONTROLLERS = ("greedy", "stationary", "day_ahead", "two_stage")

# The public reproduction's own figures.
WITHOUT_STORAGE = {
    "lowest voltage [pu]": 0.9931,
    "losses [kWh]": 112.19,
    "energy bought [MWh]": 37.53,
    "income [USD]": 7233.60,
    "grid [USD]": 3946.34,
    "renewables [USD]": 2752.32,
    "profit [USD]": 534.94,
}
STAGES = {"stage 1, a price rule": 567.00, "stage 2, particle swarm": 528.47}
UNKNOWN = "-"
REPLICATIONS = 10


def main() -> None:
    """Run the episodes and put their figures into the page."""
    parts = (without_storage(), with_storage(), stages(), under_uncertainty())
    put(PAGE, "figures", "\n".join(parts))


def without_storage() -> str:
    """Return the comparison of the day without storage, as a table."""
    ours = [_accounts(_episode("idle", meter)) for meter in METERS]
    header = ("no storage", "published", *(f"here, {meter} meter" for meter in METERS))
    return table(
        header,
        [
            (name, _number(value), *(_number(own[name]) for own in ours))
            for name, value in WITHOUT_STORAGE.items()
        ],
    )


def with_storage() -> str:
    """Return the comparison of schedules, as a table."""
    columns = (
        "profit [USD]", "trips", "cycles", "stored energy, change [MWh]", "truck [USD]",
    )  # fmt: skip
    nothing = [UNKNOWN] * (len(columns) - 1)
    rows = [
        (f"published, {stage}", METERS[0], _number(usd), *nothing) for stage, usd in STAGES.items()
    ]
    for controller in ("idle", *CONTROLLERS):
        for meter in METERS:
            own = _accounts(_episode(controller, meter))
            rows.append((f"`{controller}`", meter, *(_number(own[name]) for name in columns)))
    return table(("with the truck", "meter", *columns), rows)


def stages() -> str:
    """Return what each stage of `two_stage` plans to earn, as a table."""
    columns: list[dict[str, float]] = []
    for meter in METERS:
        episode = _episode("two_stage", meter)
        decision = episode.decisions.iloc[0]
        figures = json.loads(decision["figures"])
        parked = [usd for name, usd in figures.items() if name.startswith("parked_usd")]
        income = episode.ledger.groupby("item")["usd"].sum()["retail"]
        columns.append(
            {
                "doing nothing": income - figures["idle_usd"],
                "the best parked schedule": income - min(parked),
                "stage 1, cone model": income - figures["first_stage_usd"],
                "stage 2, particle swarm": income - decision["objective_usd"],
                "no plan of the cone model earns more than": income - decision["bound_usd"],
            }
        )
    rows = [(name, *(f"{own[name]:.4f}" for own in columns)) for name in columns[0]]
    header = ("`two_stage`: profit of the plan under AC power flow [USD]",)
    return table((*header, *(f"{meter} meter" for meter in METERS)), rows)


def under_uncertainty() -> str:
    """Return the profits on days that no forecast knows exactly, as a table."""
    controllers = ("idle", "greedy", "two_stage")
    scenario = gh.load_scenario("three_bus", {"uncertainty": "on"})
    study = gh.compare(scenario, controllers, replications=REPLICATIONS, verify="off")
    rows = []
    for controller in controllers:
        own = study.summary.loc[controller]["mean"]
        gain = UNKNOWN
        if controller != controllers[0]:
            found = study.paired.loc[(controller, "profit_usd")]
            gain = f"{found['mean']:.2f} [{found['ci95_low']:.2f}, {found['ci95_high']:.2f}]"
        amounts = (own["profit_usd"], gain, own["trips"], own["cycles"], own["stored_change_mwh"])
        rows.append(
            (f"`{controller}`", *(_number(x) if isinstance(x, float) else x for x in amounts))
        )
    header = (
        f"`uncertainty=on`, slack meter, means of {REPLICATIONS} days", "profit [USD]",
        "more than `idle`, 95 % interval of the paired difference [USD]", "trips", "cycles",
        "stored energy, change [MWh]",
    )  # fmt: skip
    return table(header, rows)


@functools.cache
def _episode(controller: str, meter: str) -> Episode:
    scenario = gh.load_scenario("three_bus", {"settlement.import_meter": meter})
    return gh.run(scenario, controller, verify="off")


def _accounts(episode: Episode) -> dict[str, float]:
    """Return the figures of an episode by the names of the tables."""
    metrics, book = episode.metrics, episode.ledger
    usd = book.groupby("item")["usd"].sum()
    bought = book[book["item"] == "energy bought"].set_index("step")["usd"]
    price = episode.steps["import_usd_per_mwh"]
    fleet = book["payer"].eq("fleet") & book["item"].ne("stored_energy_change")
    return {
        "lowest voltage [pu]": metrics["vm_pu_min"],
        "losses [kWh]": 1000 * metrics["loss_mwh"],
        "energy bought [MWh]": float((bought / price[bought.index]).sum()),
        "income [USD]": usd["retail"],
        "grid [USD]": usd["energy bought"] - usd.get("energy sold", 0.0),
        "renewables [USD]": usd["feed-in"],
        "profit [USD]": metrics["profit_usd"],
        "trips": metrics["trips"],
        "cycles": metrics["cycles"],
        "stored energy, change [MWh]": metrics["stored_change_mwh"],
        "truck [USD]": float(book.loc[fleet, "usd"].sum()),
    }


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.4f}" if 0.9 < value < 1.1 else f"{value:.2f}"


if __name__ == "__main__":
    main()

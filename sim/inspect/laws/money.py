"""Law 4, money closes: the ledger sums to the metrics, and what one pays another gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.episode.episode import Episode
from sim.inspect.laws.broken import Broken
from sim.scenario import Scenario


def law_money(scenario: Scenario, episode: Episode) -> None:
    """The ledger sums to the metrics, and what one pays another gets.

    Raises
    ------
    Broken
        Saying which sum does not close.
    """
    ledger, metrics = episode.ledger, episode.metrics
    name = f"{episode.controller} on {scenario.name}"
    if (ledger["usd"] <= 0).any() or (ledger["payer"] == ledger["payee"]).any():
        raise Broken(f"money: {name}: an entry pays nothing, or to its payer")
    balance = (
        ledger.groupby("payee")["usd"]
        .sum()
        .sub(ledger.groupby("payer")["usd"].sum(), fill_value=0.0)
    )
    if abs(balance.sum()) > 1e-6:
        raise Broken(f"money: {name}: payments do not cancel")
    system = scenario.system
    inside = -balance.reindex(list(system.parties)).sum()
    retail = ledger.loc[ledger["item"] == "retail", "usd"].sum()
    if abs(inside + retail - metrics["cost_usd"]) > 1e-6:
        raise Broken(f"money: {name}: the ledger does not sum to cost_usd")
    if abs(metrics["cost_usd"] + metrics["penalty_usd"] - metrics["objective_usd"]) > 1e-6:
        raise Broken(f"money: {name}: objective_usd is not cost_usd + penalty_usd")
    steps, hours = episode.steps, system.timing.step_h
    ends = [f".{area.name}" for area in system.areas] if len(system.areas) > 1 else [""]
    bought = sum(
        (steps[f"import_mw{end}"].clip(lower=0) * steps[f"import_usd_per_mwh{end}"]).sum() * hours
        for end in ends
    )
    booked = ledger.loc[ledger["item"] == "energy bought", "usd"].sum()
    if abs(bought - booked) > 1e-6:
        raise Broken(f"money: {name}: energy bought is booked as {booked} instead of {bought} USD")
    if system.has_parties:
        _shares_sum(name, metrics, "party", system.parties)
        _shares_sum(name, metrics, "area", [area.name for area in system.areas])


def _shares_sum(name: str, metrics: Mapping[str, float], kind: str, owners: Sequence[str]) -> None:
    """Shares of areas, and of parties, sum to the whole."""
    last = f"_by_{kind}.{owners[0]}"
    for whole in [each.removesuffix(last) for each in metrics if each.endswith(last)]:
        parts = sum(metrics[f"{whole}_by_{kind}.{owner}"] for owner in owners)
        if abs(parts - metrics[whole]) > 1e-6:
            raise Broken(
                f"money: {name}: {whole} of each {kind} sums to {parts}, not to {metrics[whole]}"
            )

"""How fast a day is lived; `make bench` prints it. Ratios are of one run on one machine."""

from __future__ import annotations

import dataclasses
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.scenario import Scenario, load_scenario
from sim.study.execution.runner import run_episode

pytestmark = pytest.mark.benchmark

DAYS = 30
REPEATS = 5


def median_s(work: Callable[[], object]) -> float:
    """Return the median time of five runs after a warm-up [s]."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def plain_pandapower_steps_per_s() -> float:
    """Return the speed of what everybody writes: set the loads, run pandapower, keep voltages."""
    net = pandapower.networks.case33bw()
    base = net.load.p_mw.to_numpy(copy=True)
    rng = np.random.default_rng(0)
    factors = rng.uniform(0.5, 1.0, 40)

    def loop() -> None:
        for factor in factors:
            net.load["p_mw"] = base * factor
            pp.runpp(net)
            net.res_bus.vm_pu.to_numpy(copy=True)

    return len(factors) / median_s(loop)


def test_thirty_days_of_greedy(capsys: pytest.CaptureFixture[str]) -> None:
    spec = ControllerSpec(name="greedy")
    month = load_scenario("ieee33", {"timing.days": DAYS})
    day = load_scenario("ieee33")
    steps = month.system.timing.n_steps

    def live(verify: Verify) -> None:
        run_episode(month, spec, seed=1, replication=0, verify=verify)

    def verified_day() -> None:
        run_episode(day, spec, seed=1, replication=0, verify=Verify.FULL)

    off = steps / median_s(lambda: live(Verify.OFF))
    audit = steps / median_s(lambda: live(Verify.AUDIT))
    full = day.system.timing.n_steps / median_s(verified_day)
    plain = plain_pandapower_steps_per_s()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with capsys.disabled():
        print(
            f"\nieee33, greedy, {DAYS} days, AC power flow on every step, one process\n"
            f"  --verify off    {off:8.0f} steps/s   {off / plain:6.1f} x plain pandapower\n"
            f"  --verify audit  {audit:8.0f} steps/s   {audit / plain:6.1f} x\n"
            f"  --verify full   {full:8.0f} steps/s   {full / plain:6.1f} x   (one day)\n"
            f"  plain pandapower loop, no simulation {plain:8.0f} steps/s\n"
            f"  peak memory {peak_mb:.0f} MB\n"
        )
    assert off > plain
    assert peak_mb < 700


def with_trucks(scenario: Scenario, n: int) -> Scenario:
    """Return the scenario with `n` trucks in turn at its stations, each with plugs for all."""
    own = scenario.system
    stations = tuple(dataclasses.replace(station, plugs=n) for station in own.stations)
    trucks = tuple(
        dataclasses.replace(
            own.vehicles[k % len(own.vehicles)],
            name=f"truck {k + 1}",
            initial_station=k % len(stations),
        )
        for k in range(n)
    )
    system = dataclasses.replace(own, stations=stations, vehicles=trucks)
    return dataclasses.replace(scenario, system=system)


def test_forty_eight_trucks(capsys: pytest.CaptureFixture[str]) -> None:
    spec = ControllerSpec(name="greedy")
    week = load_scenario("ieee33", {"timing.days": 7})
    steps = week.system.timing.n_steps
    plain = plain_pandapower_steps_per_s()
    with capsys.disabled():
        print("\nieee33, greedy, 7 days, --verify off, against the plain pandapower loop")
    for n in (3, 48):
        fleet = with_trucks(week, n)

        def live(fleet: Scenario = fleet) -> Episode:
            return run_episode(fleet, spec, seed=1, replication=0, verify=Verify.OFF)

        speed = steps / median_s(live)
        with capsys.disabled():
            print(
                f"  {n:2d} trucks  {speed:8.0f} steps/s   {speed / plain:6.1f} x plain pandapower"
            )
        assert len(live().trips) > 7
        assert speed > plain


def test_a_scenario_loads_in_half_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    loading_s = median_s(lambda: load_scenario("ieee33"))
    with capsys.disabled():
        print(f"\nloading ieee33: {loading_s:.2f} s")
    assert loading_s < 0.5

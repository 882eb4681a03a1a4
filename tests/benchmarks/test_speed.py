"""How fast a day is lived; `make bench` prints it, and `docs/benchmark.py` writes it into the page.

Ratios are of one run on one machine. Times are those of the processor: nothing here has threads.
"""

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
    """Return the median processor time of five runs after a warm-up [s]."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
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


def speeds_of_verification() -> dict[Verify, float]:
    """Return the steps/s of `greedy` on `ieee33`, with an AC power flow on each."""
    spec = ControllerSpec(name="greedy")
    month, day = load_scenario("ieee33", {"timing.days": DAYS}), load_scenario("ieee33")
    speeds = {}
    for verify, scenario in ((Verify.OFF, month), (Verify.AUDIT, month), (Verify.FULL, day)):

        def live(verify: Verify = verify, scenario: Scenario = scenario) -> Episode:
            return run_episode(scenario, spec, seed=1, replication=0, verify=verify)

        speeds[verify] = scenario.system.timing.n_steps / median_s(live)
    return speeds


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


def speed_with_trucks(n: int) -> float:
    """Return the steps/s of `greedy` with `n` trucks on `ieee33`."""
    spec = ControllerSpec(name="greedy")
    fleet = with_trucks(load_scenario("ieee33", {"timing.days": 7}), n)

    def live() -> Episode:
        return run_episode(fleet, spec, seed=1, replication=0, verify=Verify.OFF)

    assert len(live().trips) > 7
    return fleet.system.timing.n_steps / median_s(live)


def loading_s() -> float:
    """Return how long it takes to load `ieee33` [s]."""
    return median_s(lambda: load_scenario("ieee33"))


def test_thirty_days_of_greedy(capsys: pytest.CaptureFixture[str]) -> None:
    speeds, plain = speeds_of_verification(), plain_pandapower_steps_per_s()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with capsys.disabled():
        print(f"\nieee33, greedy, {DAYS} days, AC power flow on every step, one process")
        for verify, speed in speeds.items():
            print(
                f"  --verify {verify.value:6s} {speed:8.0f} steps/s   {speed / plain:6.1f} x plain"
            )
        print(f"  plain pandapower loop, no simulation {plain:8.0f} steps/s")
        print(f"  peak memory {peak_mb:.0f} MB")
    assert speeds[Verify.OFF] > plain
    assert peak_mb < 700


def test_forty_eight_trucks(capsys: pytest.CaptureFixture[str]) -> None:
    plain = plain_pandapower_steps_per_s()
    with capsys.disabled():
        print("\nieee33, greedy, 7 days, --verify off, against the plain pandapower loop")
    for n in (3, 48):
        speed = speed_with_trucks(n)
        with capsys.disabled():
            print(
                f"  {n:2d} trucks  {speed:8.0f} steps/s   {speed / plain:6.1f} x plain pandapower"
            )
        assert speed > plain


def test_a_scenario_loads_in_half_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = loading_s()
    with capsys.disabled():
        print(f"\nloading ieee33: {seconds:.2f} s")
    assert seconds < 0.5

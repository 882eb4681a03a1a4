"""Bad settings and scenarios that cannot be rented are named with their remedy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controllers.shared_rental.shared_rental import SharedRental, SharedRentalPlanning
from controllers.uncertainty_sets.uncertainty_set import UncertaintySetError
from sim.errors import InputError
from tests.controllers.shared_rental.morning import scenario


@pytest.mark.parametrize("eps", [0.0, 0.5, -1.0])
def test_eps_outside_0_and_one_half_is_refused(eps):
    with pytest.raises(UncertaintySetError, match=r"eps\(=.*\(0, 0.5\)"):
        SharedRentalPlanning(eps=eps)


@pytest.mark.parametrize("levels", [(), (20.0, 10.0), (10.0, 10.0), (-5.0, 10.0)])
def test_price_levels_out_of_order_are_refused(levels):
    with pytest.raises(ValueError, match="ascending order"):
        SharedRentalPlanning(price_levels=levels)


def test_a_box_needs_a_width():
    with pytest.raises(ValueError, match=r"deviations\(=-1"):
        SharedRentalPlanning(deviations=-1.0)


def test_a_scenario_without_such_a_contract_is_refused():
    system = replace(scenario().system, rent=None)
    with pytest.raises(InputError, match="stored_energy"):
        SharedRental().start(system, np.random.default_rng(1))


def test_two_stations_of_an_area_are_refused():
    system = scenario().system
    twice = replace(system, stations=(*system.stations, system.stations[0]))
    with pytest.raises(InputError, match="one station of each area"):
        SharedRental().start(twice, np.random.default_rng(1))


def test_a_feeder_with_a_ring_is_refused():
    """The tie closes A's feeder: more closed lines than a tree has."""
    own = SharedRental()
    system = scenario().system
    lines = system.grid.lines
    doubled = {
        name: np.append(getattr(lines, name), getattr(lines, name)[-1])
        for name in ("from_bus", "to_bus", "r_ohm", "x_ohm", "c_nf", "max_i_ka", "limit_mva",
                     "from_closed", "to_closed")
    }  # fmt: skip
    ring = replace(lines, name=(*lines.name, "again"), **doubled)
    own.start(system, np.random.default_rng(1))
    with pytest.raises(InputError, match="radial areas"):
        own.start(replace(system, grid=replace(system.grid, lines=ring)), np.random.default_rng(1))

"""What is compared: the controllers, the scenario, and all that the results depend on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.episode.specification import ControllerSpec, as_specs, build_for, labels
from sim.episode.verification import Verify
from sim.scenario import Scenario, as_scenario
from sim.study.conduct import Cell
from sim.study.settings import as_keep, as_verify, check_numbers
from sim.study.store.bundle import Keep
from sim.study.store.manifest import configuration, manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Controllers that are to be compared on the days of a scenario.

    Attributes
    ----------
    scenario, controllers, seed, verify, keep
        As in `sim.study.compare.compare`.
    """

    scenario: Scenario
    controllers: tuple[ControllerSpec, ...]
    seed: int
    verify: Verify
    keep: Keep

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The controllers with what tables call them."""
        named = zip(labels(self.controllers), self.controllers, strict=True)
        return tuple(Cell(label=name, controller=spec) for name, spec in named)

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of its folder; see `sim.study.store.manifest.manifest`."""
        configured = configuration(
            self.scenario, self.controllers, seed=self.seed, verify=self.verify, keep=self.keep
        )
        return manifest(self.scenario, self.controllers, configured)


def comparison(
    scenario: Scenario | str | os.PathLike[str],
    controllers: Sequence[object],
    *,
    seed: int | None,
    verify: str,
    keep: str,
) -> Comparison:
    """Return what is to be compared, after all checks.

    Raises
    ------
    InputError
        If a controller is not found, refuses its parameters or does not fit the scenario, or an
        option has no such value.
    """
    scenario, specs = as_scenario(scenario), as_specs(controllers)
    labels(specs)  # complains of two that are the same
    check_numbers("compare", controllers=len(specs))
    check_numbers("compare", 0, seed=seed)
    for spec in specs:
        for one in spec.in_turn:
            build_for(scenario.system, one)  # fails now rather than once per episode
    return Comparison(
        scenario=scenario,
        controllers=specs,
        seed=scenario.seed if seed is None else seed,
        verify=as_verify(verify),
        keep=as_keep(keep),
    )

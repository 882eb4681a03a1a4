"""SimBench codes; what needs the data set runs where the extra is installed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.importers.simbench import write_simbench

CODE = "1-MV-rural--0-sw"


def test_without_the_extra_the_remedy_is_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"pip install 'gridhaul\[simbench\]'"):
        write_simbench(CODE, tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_an_unknown_code_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("simbench")
    with pytest.raises(InputError, match="no code of a SimBench grid"):
        write_simbench("1-MV-rurall--0-sw", tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_active_power_is_that_of_simbench(tmp_path: Path) -> None:
    """Every load and generator in all 35,136 quarter hours, to the standby of turbines."""
    simbench = pytest.importorskip("simbench")
    pd = importlib.import_module("pandas")
    piece = write_simbench(CODE, tmp_path)
    assert piece["grid"] == {"source": [{"bus": "HV1 Bus 17", "vm_pu": 1.025}]}
    absolute = simbench.get_absolute_values(
        simbench.get_simbench_net(CODE), profiles_instead_of_study_cases=True
    )
    profiles = pd.read_parquet(tmp_path / "profiles.parquet")
    for kind, file in (("load", "loads.csv"), ("sgen", "generators.csv")):
        rows = pd.read_csv(tmp_path / file)
        power_mw = profiles[rows["profile"]].to_numpy() * rows["p_mw"].to_numpy()
        assert abs(power_mw - absolute[kind, "p_mw"].to_numpy()).max() < 1e-4

"""OpenDSS circuits of our own, with every kind of element, against OpenDSS's own solution."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sim.errors import InputError
from sim.importers.folder import write_settings
from sim.importers.opendss import write_network
from sim.inspect.check import check
from sim.scenario import load_scenario
from tests.importers.test_generators import SETTINGS

HEAD = (
    "Clear\nNew Circuit.own basekv=115 pu=1.02 phases=3 bus1=grid MVAsc3=2000 MVAsc1=2100\n"
    "New Transformer.sub phases=3 windings=2 xhl=8 %noloadloss=0.1 %imag=0.3\n"
    "~ wdg=1 bus=grid conn=delta kv=115 kva=8000 %r=0.5\n"
    "~ wdg=2 bus=head conn=wye kv=12.47 kva=8000 %r=0.5 tap=1.01\n"
    "New Linecode.three nphases=3 r1=0.2 x1=0.4 r0=0.5 x0=1.2 c1=10 c0=5 units=km normamps=400\n"
    "New Linecode.one nphases=1 r1=0.5 x1=0.6 r0=0.5 x0=0.6 c1=5 c0=5 units=km normamps=150\n"
    "New Line.main phases=3 bus1=head.1.2.3 bus2=mid.1.2.3 linecode=three length=4 units=km\n"
)
TAIL = "Set voltagebases=[115 12.47 0.48 0.208]\nCalcVoltageBases\nSolve\n"
BALANCED = "New Load.works phases=3 bus1=mid kv=12.47 kw=3000 kvar=900 model=1\n"
OTHERS = {
    "capacitor": "New Capacitor.bank phases=3 bus1=mid kv=12.47 kvar=600\n",
    "regulators": "".join(
        f"New Transformer.reg{k} phases=1 windings=2 xhl=0.01 %loadloss=0.01 bank=reg\n"
        f"~ buses=[mid.{k} far.{k}] kvs=[7.2 7.2] kvas=[2000 2000] taps=[1 {tap}]\n"
        for k, tap in enumerate((1.02, 1.03, 1.04), start=1)
    )
    + "New Load.far phases=3 bus1=far kv=12.47 kw=800 kvar=200\n",
    "single-phase laterals": "".join(
        f"New Line.lat{k} phases=1 bus1=mid.{k} bus2=l{k}.{k} linecode=one length=2 units=km\n"
        f"New Load.lat{k} phases=1 bus1=l{k}.{k} kv=7.2 kw=150 kvar=50 model={model}\n"
        for k, model in enumerate((1, 2, 5), start=1)
    ),
    "split phase": "".join(
        f"New Transformer.t{k} phases=1 windings=3 xhl=2.04 xht=2.04 xlt=1.36\n"
        f"~ wdg=1 bus=mid.{k} kv=7.2 kva=75 %r=0.6\n"
        f"~ wdg=2 bus=house{k}.1.0 kv=0.12 kva=75 %r=1.2\n"
        f"~ wdg=3 bus=house{k}.0.2 kv=0.12 kva=75 %r=1.2\n"
        f"New Load.house{k} phases=2 bus1=house{k}.1.2 kv=0.208 kw=40 kvar=10\n"
        for k in (1, 2, 3)
    ),
    "reactor and switch": "New Reactor.choke bus1=mid bus2=beyond phases=3 R=0.1 X=0.5\n"
    "New Line.switch phases=3 bus1=beyond bus2=end switch=yes\n"
    "New Load.end phases=3 bus1=end kv=12.47 kw=500 kvar=100\n",
    "open line": "New Line.spare phases=3 bus1=head bus2=mid linecode=three length=4 units=km\n"
    "Open Line.spare 2\n",
    "PV": "New PVSystem.roof phases=3 bus1=mid kv=12.47 kva=500 Pmpp=400 irradiance=1\n",
}


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of our own need no trial in a process of its own, which takes most of the time."""
    pytest.importorskip("opendssdirect", reason="pip install 'gridhaul[opendss]'")
    if "ends_the_engine" not in request.node.name:
        monkeypatch.setattr("sim.importers.opendss.folder._ended_by", lambda path: None)


def imported(folder: Path, text: str, **how: Any) -> dict[str, Any]:
    (folder / "own.dss").write_text(text)
    return write_network(
        folder / "own.dss", folder / "own", load_profile="H0-A", generator_profile="PV3", **how
    )


def of_the_engine() -> tuple[float, float]:
    """Return the power at the source [MW] and of the losses in OpenDSS's solution."""
    import opendssdirect as dss

    return -dss.Circuit.TotalPower()[0] / 1e3, dss.Circuit.Losses()[0] / 1e6


def measured(text: str) -> tuple[float, ...]:
    """Return the two numbers, here last, of power at the source and losses in the message."""
    parts = [part for part in text.replace(";", " ").split() if part[0].isdigit()]
    return tuple(float(part) for part in parts if part.replace(".", "").isdigit())


def test_a_balanced_circuit_has_the_same_power_and_losses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The source to 1e-4, the losses to 5e-3: OpenDSS's transformers are no exact pi."""
    imported(tmp_path, HEAD + BALANCED + TAIL, most_percent=0.01)
    source_mw, loss_mw = of_the_engine()
    message = caplog.text.partition("power at the source")[2]
    theirs, ours, their_loss, our_loss = measured(message)[:4]
    assert theirs == pytest.approx(source_mw, rel=1e-4)
    assert ours == pytest.approx(source_mw, rel=1e-4)
    assert their_loss == pytest.approx(loss_mw, rel=1e-4)
    assert our_loss == pytest.approx(loss_mw, rel=5e-3)


@pytest.mark.parametrize("kind", OTHERS)
def test_every_kind_of_element_is_within_half_a_percent(tmp_path: Path, kind: str) -> None:
    piece = imported(tmp_path, HEAD + BALANCED + OTHERS[kind] + TAIL, most_percent=0.5)
    assert piece["grid"]["source"][0]["bus"] == "grid"
    assert piece["grid"]["source"][0]["vm_pu"] == pytest.approx(1.02, abs=0.01)


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    imported(tmp_path, HEAD + BALANCED + "".join(OTHERS.values()) + TAIL)
    for said in (
        "3 of 6 lines have one or two phases",
        "2 of 9 loads depend on the voltage",
        "1 capacitors give their nominal power",
        "buses have no coordinates",
        "power at the source",
        "lowest voltage",
    ):
        assert said in caplog.text


def test_a_whole_circuit_becomes_a_scenario_that_runs(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    piece = imported(tmp_path, HEAD + BALANCED + "".join(OTHERS.values()) + TAIL)
    (folder / "stations.csv").write_text("name,bus,road_node\nhere,mid,here\n")
    (folder / "vehicles.csv").write_text("name,battery,initial_station\ntruck,trailer,here\n")
    (folder / "road_nodes.csv").write_text("name,x_km,y_km\nhere,0,0\n")
    write_settings(folder, piece, SETTINGS)
    scenario = load_scenario(folder)
    grid = scenario.system.grid
    bank = grid.transformers.name.index("reg1 and 2 more")
    ratio = grid.transformers.vn_lv_kv[bank] / grid.transformers.vn_hv_kv[bank]
    assert 1 / ratio == pytest.approx(1 / 1.03, rel=1e-3)
    assert grid.transformers.sn_mva[bank] == pytest.approx(6.0)
    assert grid.lines.from_closed[grid.lines.name.index("spare")]
    assert not grid.lines.to_closed[grid.lines.name.index("spare")]
    lateral = grid.lines.name.index("lat1")
    assert grid.lines.r_ohm[lateral] == pytest.approx(3 * 0.5 * 2)
    assert check(scenario).base_case is not None


def test_beyond_the_limit_the_import_is_refused_with_the_figure(tmp_path: Path) -> None:
    """All load on one phase: a balanced feeder loses less than a third as much."""
    one_phase = "New Load.works phases=1 bus1=mid.1 kv=7.2 kw=1500 kvar=400 model=1\n"
    with pytest.raises(InputError, match=r"differs by .* % .*in OpenDSS") as caught:
        imported(tmp_path, HEAD + one_phase + TAIL, most_percent=0.5)
    assert "aise most_percent" in str(caught.value)
    assert not (tmp_path / "own").exists()
    imported(tmp_path, HEAD + one_phase + TAIL, most_percent=20)


def test_loads_as_solved_are_nearer_where_they_depend_on_the_voltage(tmp_path: Path) -> None:
    impedance = BALANCED.replace("model=1", "model=2") + "Edit Vsource.source pu=1.05\n"
    with pytest.raises(InputError, match="loads = 'solved'"):
        imported(tmp_path, HEAD + impedance + TAIL, most_percent=0.5)
    imported(tmp_path, HEAD + impedance + TAIL, most_percent=0.05, loads="solved")


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("New Generator.g bus1=mid kv=12.47 kw=500\n", "Generator.g", "exchanges power"),
        (
            "New Storage.s bus1=mid kv=12.47 kwrated=99 state=discharging\n",
            "Storage.s",
            "kWrated 99",
        ),
        ("New Fault.f bus1=mid r=99999\n", "Fault.f", "no counterpart"),
        (
            "New Transformer.t phases=3 windings=3 buses=[mid a b] kvs=[12 1 1] kvas=[9 9 9]\n",
            "Transformer.t",
            "3 windings",
        ),
        ("New Line.oops bus1=mid bus2=q linecode=unknown\n", "file", "cannot be solved"),
    ],
)
def test_what_has_no_counterpart_is_named_by_element(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        imported(tmp_path, HEAD + BALANCED + text + TAIL)
    assert place in str(caught.value)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        write_network(tmp_path / "no.dss", tmp_path / "own", load_profile="flat")
    with pytest.raises(InputError, match=r"defines no circuit|cannot be solved"):
        imported(tmp_path, "! nothing\n")


def test_a_file_that_ends_the_engine_is_refused(tmp_path: Path) -> None:
    """The engine ends its process on a transformer of 17 phases, found by the damaged files."""
    phases = "New Transformer.t1 phases=17.2 kva=75 %r=0.6\n~ wdg=2 bus=house conn=wye kv=0.12\n"
    with pytest.raises(InputError, match="ends OpenDSS itself"):
        imported(tmp_path, HEAD + BALANCED + phases + OTHERS["split phase"] + TAIL)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "opendssdirect":
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'gridhaul\[opendss\]'"):
        imported(tmp_path, HEAD + TAIL)


# ---- shapes, PV, generators and storage ---------------------------------------------------------

HOURS = " ".join(str(value) for value in [*range(1, 13)] * 2)
SHAPES = (
    f"New Loadshape.day npts=24 interval=1 mult=[{HOURS}]\n"
    f"New Loadshape.half npts=24 minterval=30 mult=[0.5 1 1.5 2 {'1 ' * 20}]\n"
    "New Loadshape.actual npts=2 interval=12 mult=[300 600] useactual=yes\n"
    "New Loadshape.twodays npts=2 interval=24 mult=[0.25 0.75]\n"
)


def with_shapes(folder: Path, elements: str, **how: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the piece of settings and the record."""
    piece = imported(folder, HEAD + SHAPES + BALANCED + elements + TAIL, **how)
    return piece, pd.read_parquet(folder / "own" / "profiles.parquet")


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "own" / name).set_index("name")


def test_shapes_become_profiles_in_common_steps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The n-th value holds for the n-th interval, as in OpenDSS's daily mode; a day is repeated."""
    loads = "".join(
        f"New Load.{name} phases=3 bus1=mid kv=12.47 kw={kw} kvar=10 {more}\n"
        for name, kw, more in (
            ("hourly", 100, "daily=day"),
            ("finer", 100, "daily=half"),
            ("kilowatts", 400, "daily=actual"),
            ("long", 100, "daily=twodays"),
            ("fixed", 100, "daily=day status=fixed"),
        )
    )
    piece, record = with_shapes(tmp_path, loads, shapes="daily", first_day="2024-02-29")
    assert piece["profiles"] == {"file": "profiles.parquet"}
    assert record["time"].iloc[[0, 1, -1]].astype(str).tolist() == [
        "2024-02-29 00:00:00",
        "2024-02-29 00:30:00",
        "2024-03-01 23:30:00",
    ]
    profile = table(tmp_path, "loads.csv")["profile"]
    assert profile.to_dict() == {
        "works": "H0-A",
        "hourly": "day",
        "finer": "half",
        "kilowatts": "actual of kilowatts",
        "long": "twodays",
        "fixed": "flat",
    }
    assert record["day"].tolist() == [value for value in [*range(1, 13)] * 4 for _ in (0, 1)]
    assert record["half"].iloc[:5].tolist() == [0.5, 1.0, 1.5, 2.0, 1.0]
    assert record["half"].iloc[24:28].tolist() == [0.5, 1.0, 1.5, 2.0]  # twelve hours, repeated
    # OpenDSS makes the highest actual power the load's nominal one.
    assert record["actual of kilowatts"].unique().tolist() == [0.5, 1.0]
    assert table(tmp_path, "loads.csv").loc["kilowatts", "p_mw"] == pytest.approx(0.6)
    assert record["twodays"].iloc[[0, 47, 48, 95]].tolist() == [0.25, 0.25, 0.75, 0.75]
    assert "4 daily shapes are profiles of 2 days from 2024-02-29 on" in caplog.text


def test_a_load_draws_what_opendss_has_it_draw_at_every_hour(tmp_path: Path) -> None:
    import opendssdirect as dss

    load = "New Load.hourly phases=3 bus1=mid kv=12.47 kw=100 kvar=10 daily=day\n"
    _, record = with_shapes(tmp_path, load, shapes="daily")
    dss.Text.Command("Set mode=daily stepsize=1h number=1")
    theirs = []
    for _ in range(24):
        dss.Solution.Solve()
        dss.Circuit.SetActiveElement("Load.hourly")
        theirs.append(sum(dss.CktElement.Powers()[::2]) / 100)
    assert record["day"].tolist() == pytest.approx(theirs, rel=1e-4)


def test_generation_has_its_power_in_the_solution_and_the_rest_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elements = (
        "New PVSystem.roof phases=3 bus1=mid kv=12.47 kva=300 Pmpp=400 irradiance=1 daily=day\n"
        "New PVSystem.night phases=3 bus1=mid kv=12.47 kva=50 Pmpp=40 irradiance=0\n"
        "New Generator.mill phases=3 bus1=mid kv=12.47 kw=200 kvar=30 daily=half\n"
        "New Storage.idle phases=3 bus1=mid kv=12.47 kwrated=50 kwhrated=200\n"
    )
    with_shapes(tmp_path, elements, shapes="daily", generator_kind="wind", most_percent=0.1)
    found = table(tmp_path, "generators.csv")
    assert found["kind"].to_dict() == {"roof": "pv", "night": "pv", "mill": "wind"}
    assert found["profile"].to_dict() == {"roof": "day", "night": "PV3", "mill": "half"}
    assert found["p_mw"].to_dict() == pytest.approx({"roof": 0.3, "night": 0.04, "mill": 0.2}, 1e-3)
    loads = table(tmp_path, "loads.csv")
    assert loads.loc["generator.mill reactive", "q_mvar"] == pytest.approx(-0.03, rel=1e-3)
    for said in (
        "PVSystem.roof gives 300 kW of 400",
        "Generator.mill gives 30 kvar throughout",
        "Storage.idle (kWrated 50, kWhrated 200) is idle and left out",
    ):
        assert said in caplog.text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"shapes": "hourly"}, "Give one of none, daily, yearly"),
        ({"shapes": "daily", "first_day": "soon"}, "is no day"),
        ({"generator_kind": "coal"}, "Give one of none, pv, wind"),
        ({"coordinate_unit_km": "miles"}, "is no unit"),
    ],
)
def test_options_that_are_none_are_refused(
    tmp_path: Path, how: dict[str, Any], message: str
) -> None:
    load = "New Load.hourly phases=3 bus1=mid kv=12.47 kw=100 kvar=10 daily=day\n"
    with pytest.raises(InputError, match=message):
        with_shapes(tmp_path, load, **how)


def test_shapes_of_uneven_steps_are_named(tmp_path: Path) -> None:
    uneven = "New Loadshape.odd npts=3 interval=0 hour=[0 1 5] mult=[1 2 3]\n"
    load = "New Load.odd phases=3 bus1=mid kv=12.47 kw=100 kvar=10 yearly=odd\n"
    with pytest.raises(InputError, match=r"Loadshape\.odd"):
        with_shapes(tmp_path, uneven + load, shapes="yearly")


def test_what_a_circuit_exports_does_not_stay(tmp_path: Path) -> None:
    imported(tmp_path, HEAD + BALANCED + TAIL + "Export voltages\n")
    assert {path.name for path in tmp_path.iterdir()} == {"own.dss", "own"}
    assert not list(Path.cwd().glob("own_EXP*"))

"""The wheel works in an environment of its own, away from the source."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MINE = '''
from gridhaul import Plan


class Mine:
    """Does nothing."""

    def start(self, system, rng):
        self.system = system

    def decide(self, observation):
        return Plan()
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (found,) = folder.glob("gridhaul-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the commands of an environment with the wheel in it."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    subprocess.run([*pip, *install], check=True)
    # The dependencies are those of this environment; installing them again would take minutes. A
    # .pth file adds them behind the wheel, without what they themselves add: the source.
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return home / "bin"


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """Return a folder that holds decoys where gridhaul's own packages might be sought."""
    decoy = tmp_path / "scenarios"
    (decoy / "tiny").mkdir(parents=True)
    (decoy / "__init__.py").write_text("raise ImportError('the decoy was imported')")
    (decoy / "tiny" / "scenario.toml").write_text("this is no TOML")
    (tmp_path / "controllers").mkdir()
    for name in ("sim.py", "controllers/__init__.py"):
        (tmp_path / name).write_text("raise ImportError('the decoy was imported')")
    return tmp_path


def output(command: list[str | Path], folder: Path) -> str:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_wheel_carries_data_and_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "sim/py.typed",
        "gridhaul/__init__.pyi",
        "scenarios/ieee33/demo.toml",
        "sim/report/html/templates/report.html",
        "sim/report/html/templates/report.css",
        "controllers/py.typed",
        "scenarios/tiny/scenario.toml",
        "scenarios/tiny/README.md",
        "scenarios/ieee33/scenario.toml",
        "scenarios/ieee33/lines.csv",
        "scenarios/oberrhein/LICENSE",
        "scenarios/oberrhein/transformers.csv",
        "scenarios/profiles/simbench_2016.parquet",
    ):
        assert name in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "docs", "."))]
    assert not [name for name in names if "__pycache__" in name]


def test_it_is_the_wheel_that_runs(installed: Path, away: Path) -> None:
    code = "import sim, controllers, scenarios; print(sim.__file__, controllers.__file__)"
    found = output([installed / "python", "-I", "-c", code], away)
    assert str(ROOT) not in found


def test_list_works_from_an_empty_folder_with_a_decoy(installed: Path, away: Path) -> None:
    found = json.loads(output([installed / "gridhaul", "list", "--json"], away))
    assert {"tiny", "ieee33"} <= set(found["scenarios"])
    assert {"idle", "greedy", "day_ahead", "rolling"} <= set(found["controllers"])
    assert "cannot be loaded" not in str(found)


# A planner is compiled anew in a new environment, which takes most of a minute.
@pytest.mark.parametrize(
    "controller", [pytest.param("rolling", marks=pytest.mark.slow), "my_file.py:Mine"]
)
def test_run_works_from_an_empty_folder_with_a_decoy(
    installed: Path, away: Path, controller: str
) -> None:
    (away / "my_file.py").write_text(MINE, encoding="utf-8")
    command = [installed / "gridhaul", "run", "tiny", "--controller", controller, "--json"]
    found = json.loads(output(command, away))
    assert found["controller"] == controller
    assert found["metrics"]["failed_decisions"] == 0
    assert found["metrics"]["verified_steps"] == found["metrics"]["steps"]


def test_workers_load_a_controller_from_a_file(installed: Path, away: Path) -> None:
    (away / "my_file.py").write_text(MINE, encoding="utf-8")
    command = [installed / "gridhaul", "compare", "tiny", "--controllers", "idle,my_file.py:Mine"]
    options = ["--replications", "2", "--workers", "2", "--verify", "off", "--json"]
    found = json.loads(output([*command, *options], away))
    difference = found["paired"]["my_file.py:Mine"]["objective_usd"]
    assert (difference["mean"], difference["ci95"]) == (0, [0, 0])

"""The public face: one list of names, the command, and what hides a package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gridhaul
from gridhaul.contents import CONTENTS, HOME, stub

PACKAGE = Path(gridhaul.__file__).parent


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_one_list_makes_names_docstring_and_stub() -> None:
    assert gridhaul.__all__ == [*HOME, "__version__"]
    assert all(f"`{name}`" in (gridhaul.__doc__ or "") for name in HOME)
    assert (PACKAGE / "__init__.pyi").read_text() == stub()


def test_every_name_is_what_its_module_defines() -> None:
    for name, module in HOME.items():
        assert getattr(gridhaul, name) is getattr(sys.modules[module], name)
    assert gridhaul.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="'gridhaul' has no attribute 'rum'"):
        _ = gridhaul.rum


def test_everything_that_a_plan_is_made_of_is_public() -> None:
    parts = {field.type for field in gridhaul.Plan.__dataclass_fields__.values()}
    named = {node.id for part in parts for node in ast.walk(ast.parse(part)) if hasattr(node, "id")}
    assert {name for name in named if name[0].isupper()} - {"None"} <= set(HOME)
    assert "Writing a controller" in CONTENTS


def test_importing_the_face_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, gridhaul; print([m for m in ('numpy', 'pandas', 'sim') if m in sys.modules])"
    )
    assert python(tmp_path, "-c", code).stdout.strip() == "[]"


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = python(tmp_path, "-m", "gridhaul", "--help")
    assert done.returncode == 0
    assert "check" in done.stdout


@pytest.mark.parametrize("decoy", ["sim.py", "controllers/__init__.py", "scenarios.py"])
def test_a_file_that_hides_a_package_is_named_with_the_remedy(tmp_path: Path, decoy: str) -> None:
    file = tmp_path / decoy
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    done = python(tmp_path, "-m", "gridhaul", "list")
    assert done.returncode == 2
    assert f"{file} hides gridhaul's package" in done.stderr
    assert "Rename it" in done.stderr
    assert "Traceback" not in done.stderr
    done = python(tmp_path, "-c", "from gridhaul import run")
    assert f"{file} hides gridhaul's package" in done.stderr.splitlines()[-1]


def test_folders_of_the_users_that_hide_nothing_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "scenarios" / "mine").mkdir(parents=True)
    assert python(tmp_path, "-m", "gridhaul", "--help").returncode == 0
    assert python(tmp_path, "-c", "from gridhaul import Plan").returncode == 0


def test_type_checkers_know_the_names_of_the_face(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import gridhaul as gh\n"
        "reveal_type(gh.load_scenario)\n"
        "visit = gh.Visit(station=0, depart_h=1)\n"
        "plan: gh.Plan = gh.Plan(fleet=gh.FleetPlan(visits=((visit,),)))\n"
        "gh.Plan(flet=None)\n"
    )
    done = python(PACKAGE.parent, "-m", "mypy", "--strict", str(file))
    assert "-> sim.scenario.load.Scenario" in done.stdout
    assert 'mine.py:5: error: Unexpected keyword argument "flet"' in done.stdout
    assert "Found 1 error" in done.stdout

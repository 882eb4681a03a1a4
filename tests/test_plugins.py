"""Plugins are found by name, refused with a proposal, and never imported just to be listed."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sim import plugins
from sim.errors import InputError


def test_the_bundled_scenarios_are_registered():
    assert {"tiny", "ieee33"} <= set(plugins.names(plugins.SCENARIOS))
    folder = plugins.load(plugins.SCENARIOS, "tiny")
    assert isinstance(folder, Path)
    assert (folder / "scenario.toml").is_file()


def test_a_miss_proposes_what_was_meant():
    with pytest.raises(InputError, match=r"tinny.*is not registered.*Did you mean 'tiny'\?"):
        plugins.load(plugins.SCENARIOS, "tinny")


def test_two_claims_to_one_name_are_refused(monkeypatch):
    twins = [EntryPoint("twin", f"package_{k}:thing", plugins.CONTROLLERS) for k in "ab"]
    monkeypatch.setattr(plugins, "registered", lambda group: twins)
    with pytest.raises(InputError, match=r"more than once: package_a:thing, package_b:thing"):
        plugins.load_controller("twin")


def test_one_claim_seen_twice_is_one_claim(monkeypatch):
    # A path that is searched twice shows the metadata of an editable install twice.
    twins = [EntryPoint("same", "pathlib:Path", plugins.CONTROLLERS)] * 2
    monkeypatch.setattr(plugins, "registered", lambda group: twins)
    assert plugins.load_controller("same") is Path


def test_a_broken_plugin_is_named(monkeypatch):
    broken = [EntryPoint("broken", "no_such_package:thing", plugins.CONTROLLERS)]
    monkeypatch.setattr(plugins, "registered", lambda group: broken)
    with pytest.raises(InputError, match=r"broken = 'no_such_package:thing': cannot be imported"):
        plugins.load_controller("broken")


def test_a_controller_comes_from_a_file(tmp_path, monkeypatch):
    (tmp_path / "my_file.py").write_text("class Mine:\n    answer = 42\n")
    monkeypatch.chdir(tmp_path)
    controller = plugins.load_controller("my_file.py:Mine")
    assert controller.answer == 42
    assert type(pickle.loads(pickle.dumps(controller()))) is controller


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "my_file.py:Mint",
            r"Mint.*is no class of this file.*Did you mean 'Mine'\? There is: Mine",
        ),
        ("my_file.py:answer", r"answer.*is no class of this file"),
        ("my_file.py", r"neither a registered name nor file\.py:ClassName"),
        ("my_file:Mine", r"neither a registered name nor file\.py:ClassName"),
        ("other.py:Mine", r"other\.py.*there is no such file"),
        ("divides.py:Mine", r"divides\.py.*cannot be imported \(ZeroDivisionError"),
        ("roling", r"roling.*is not registered"),
    ],
)
def test_what_is_no_controller_is_refused(tmp_path, monkeypatch, name, message):
    (tmp_path / "my_file.py").write_text("class Mine: ...\nanswer = 42\n")
    (tmp_path / "divides.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        plugins.load_controller(name)
    assert "gridhaul_file_divides" not in sys.modules


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from sim import plugins; plugins.names(plugins.CONTROLLERS); "
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'pandapower', 'ortools', 'controllers')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

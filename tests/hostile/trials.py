"""Trials with hostile controllers and names; each returns what went wrong, if anything."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sim.scenario import scenario_folder
from sim.scenario.schema.values import TABLE_KEYS
from sim.study.store.stored_study import read_study
from tests.hostile.command import gridhaul
from tests.hostile.controllers import Hostile, text_of

REFUSED = {"import", "init", "class"}
FAILS = {"start", "death", "deathStart"}
SIGNS = "aZ9 _-.:;,'\"\\/%{}[]()<>&#*?$|~^`=+@!äß€漢🙂\u00a0\u200e\u202e\u2066\x07\x1b\x85\u2028"
WORDS = (*TABLE_KEYS, "start", "objective_usd", "index", "None", "nan", "con", "true", "0")
TABLES = ("buses.csv", "lines.csv", "loads.csv", "stations.csv", "vehicles.csv")
DAYS = 2


def in_a_run(hostile: Hostile, folder: Path) -> str:
    """Run a hostile controller alone."""
    file = folder / "hostile.py"
    file.write_text(text_of(hostile), encoding="utf-8")
    code, output = gridhaul(
        *("run", "tiny", "--controller", f"{file}:{hostile.name}", "--verify", "off", "--json")
    )
    if "Traceback" in output or code not in {0, 1, 2}:
        return f"{hostile}: {code}: {output[-500:]}"
    if hostile.where in REFUSED:
        return "" if code == 2 and "hostile.py" in output else f"{hostile}: {code}: {output}"
    if hostile.where == "start":
        return "" if code == 1 and "gridhaul: " in output else f"{hostile}: {code}: {output}"
    start, end = output.find("{\n"), output.rfind("}")
    result = json.loads(output[start : end + 1])
    if result["metrics"]["failed_decisions"] != result["metrics"]["decisions"]:
        return f"{hostile}: a decision passed that makes no sense"
    return "" if result["controller"].endswith(hostile.name) else f"{hostile} is not named"


def in_a_study(hostile: Sequence[Hostile], folder: Path) -> list[str]:
    """Run hostile controllers beside a peaceful one in a study with two workers."""
    file, out = folder / "hostile.py", folder / "out"
    file.write_text(text_of(*hostile), encoding="utf-8")
    labels = {own: f"{file}:{own.name}" for own in hostile}
    command = [sys.executable, "-m", "gridhaul", "compare", "tiny", "--workers", "2"]
    command += ["--controllers", ",".join(["idle", *labels.values()]), "--verify", "off"]
    command += ["--replications", str(DAYS), "--out", str(out)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    fails = any(own.where in FAILS for own in hostile)
    if process.returncode not in ({1} if fails else {0, 1}) or "Traceback" in process.stderr:
        return [f"the study ended with {process.returncode}: {process.stderr[-500:]}"]
    study = read_study(out)
    wrong = [f"missing: {key}" for key in study.missing]
    failed = {own["controller"] for own in study.manifest["failures"]}
    decided = study.table("episodes").groupby("controller")["failed_decisions"].min()
    if decided.get("idle") != 0:
        wrong.append("idle was taken along")
    for own, label in labels.items():
        if own.where in FAILS:
            told = label in failed and label in process.stderr
        else:
            told = label in decided and (decided[label] > 0) == (own.where != "beside")
        if not told:
            wrong.append(f"{own}: not told")
    return wrong


def rename(folder: Path, old: str, new: str) -> None:
    """Call one thing by another name in every table."""
    for file in folder.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerows([new if cell == old else cell for cell in row] for row in rows)
    toml = folder / "scenario.toml"
    toml.write_text(toml.read_text().replace(f'"{old}"', json.dumps(new)))


def first_name(folder: Path, file: str) -> str:
    """Return the name in the first row of a table."""
    return (folder / file).read_text().splitlines()[1].partition(",")[0]


def called(folder: Path, out: Path, rng: random.Random) -> str:
    """Call something in a scenario by an odd name, run it, and read its tables."""
    shutil.copytree(scenario_folder("tiny"), folder)
    file = rng.choice(TABLES)
    name = "".join(rng.choices(SIGNS, k=rng.choice([1, 2, 5, 40, 201])))
    name = rng.choice(WORDS) if rng.random() < 0.3 else name
    old = first_name(folder, file)
    # A bus, its load and its station may share a name; any of their files may be named.
    files = [own.name for own in folder.iterdir() if old in own.read_text()]
    rename(folder, old, name)
    code, output = gridhaul(
        *("run", folder, "--controller", "greedy", "--verify", "off", "--out", out, "--json")
    )
    named = not code or any(own in output for own in files)
    if code not in {0, 2} or "Traceback" in output or not named:
        return f"{file}: {name!r}: {code}: {output[-500:]}"
    if not code:
        stored = read_study(out)
        for table in ("vm_pu", "loading_percent", "vehicles", "loads"):
            if not len(stored.table(table)):
                return f"{file}: {name!r}: {table} is empty"
    return ""

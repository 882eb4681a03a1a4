"""Kill a process of a study at any moment from its start on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.study.store.test_kill import PROGRAM

PATIENCE_S = 300
ASKED = ("compare", "tiny", "--controllers", "idle,greedy", "--workers", "2", "--verify", "off")


def start(folder: Path, days: int) -> subprocess.Popen[str]:
    """Start the study with two workers."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *ASKED, "--replications", str(days), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )


def _stack(process: subprocess.Popen[str]) -> str:
    """End a process that hangs; return where it stood."""
    process.send_signal(signal.SIGABRT)
    _, errors = process.communicate()
    return errors[-3000:]


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    """Return the workers that have been started, ready or not."""
    found = []
    for child in parent.children(recursive=True):
        try:
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def kill_one(folder: Path, days: int, rng: random.Random) -> str:
    """Start the study, kill a worker or the parent, and wait; return what went wrong, if anything.

    The victim is a worker that has just been started, in two of three cases.
    """
    process = start(folder, days)
    parent = psutil.Process(process.pid)
    at_start = rng.random() < 2 / 3
    begun, wait_s = time.monotonic(), rng.uniform(0, 2.5)
    victims: list[psutil.Process] = []
    while process.poll() is None and time.monotonic() < begun + PATIENCE_S:
        victims = workers_of(parent) if at_start else [parent]
        if victims:
            break
        time.sleep(0.005)
    time.sleep(wait_s)
    children = workers_of(parent) if process.poll() is None else []
    for victim in rng.sample(victims, min(1, len(victims))):
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            continue
    try:
        _, errors = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"hung after a kill {wait_s:.2f} s after the start: {_stack(process)}"
    if at_start and process.returncode not in {0, 1}:
        return f"ended with {process.returncode}: {errors[-500:]}"
    if "Traceback" in errors:
        return f"showed a traceback: {errors[-500:]}"
    _, alive = psutil.wait_procs(children, timeout=30)
    return f"left {len(alive)} workers behind" if alive else ""


def finish(folder: Path, days: int) -> str:
    """Give the same command again; return what went wrong, if anything."""
    process = start(folder, days)
    try:
        _, errors = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"hung when it went on: {_stack(process)}"
    return f"did not go on: {errors[-500:]}" if process.returncode else ""

"""Why a controller failed, and where in its code."""

from __future__ import annotations

import traceback
from pathlib import Path

import sim
from sim.errors import described

_OURS = Path(sim.__file__).parent


def reason(error: BaseException) -> str:
    """Return ``ValueError: what it says (my_file.py, line 12)``.

    The line is the innermost one in the file of the controller: the file that our code called.
    Only the name of the file is told, so that the reason is the same on every machine.
    """
    frames = traceback.extract_tb(error.__traceback__)
    called = [frame for frame in frames if _OURS not in Path(frame.filename).parents]
    text = described(error)
    if not called:
        return text  # raised by our own check of the plan
    line = [frame.lineno for frame in called if frame.filename == called[0].filename][-1]
    return f"{text} ({Path(called[0].filename).name}, line {line})"

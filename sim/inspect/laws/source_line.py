"""Where in a user's file an error arose."""

from __future__ import annotations

import traceback
from pathlib import Path


def line_in(error: BaseException | None, file: str) -> str:
    """Return `` (my_file.py, line 12: the code)`` for the innermost line of `file`, or nothing.

    Parameters
    ----------
    error
        What was raised; what it was raised from counts too.
    file
        The file whose lines the user can change; empty where there is none.
    """
    while error is not None and file:
        path = Path(file).expanduser().resolve()
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == str(path)]
        if own:
            text = f": {own[-1].line}" if own[-1].line else ""
            return f" ({path.name}, line {own[-1].lineno}{text})"
        error = error.__cause__
    return ""

"""The command line in this process, whatever comes out of it."""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
from unittest.mock import patch

from sim.cli import main


def gridhaul(*arguments: object) -> tuple[int, str]:
    """Run a command; return its exit code, and output and errors. A crash is code 70."""
    output = io.StringIO()
    with (
        patch.object(sys, "argv", ["gridhaul", *map(str, arguments)]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        except BaseException:  # noqa: BLE001 - what a user would see as a traceback
            traceback.print_exc()
            code = 70
    return code, output.getvalue()

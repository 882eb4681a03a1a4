"""The command ``gridhaul``, also as ``python -m gridhaul``."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from gridhaul.packages import HiddenPackageError, check_packages


def main() -> None:
    """Run the command line; exit with 2 where a file of the user hides one of our packages."""
    try:
        check_packages()
    except HiddenPackageError as error:
        sys.exit(_refused(error))
    from sim.cli import main as run

    try:
        run()
    except SystemExit as end:
        _end_with_threads(end.code)
        raise


def _end_with_threads(code: object) -> None:
    """End the process if a controller has left threads behind, which would keep it alive."""
    left = (own for own in threading.enumerate() if own is not threading.current_thread())
    if isinstance(code, int | None) and any(not own.daemon for own in left):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code or 0)


def _refused(error: HiddenPackageError) -> int:
    print(f"gridhaul: {error}", file=sys.stderr)  # noqa: T201 - nothing of ours can be imported
    return 2


if __name__ == "__main__":
    main()

"""The command ``gridhaul``, also as ``python -m gridhaul``."""

from __future__ import annotations

import sys

from gridhaul.packages import HiddenPackageError, check_packages


def main() -> None:
    """Run the command line; exit with 2 where a file of the user hides one of our packages."""
    try:
        check_packages()
    except HiddenPackageError as error:
        sys.exit(_refused(error))
    from sim.cli import main as run

    run()


def _refused(error: HiddenPackageError) -> int:
    print(f"gridhaul: {error}", file=sys.stderr)  # noqa: T201 - nothing of ours can be imported
    return 2


if __name__ == "__main__":
    main()

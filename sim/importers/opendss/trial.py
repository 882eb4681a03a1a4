"""Let OpenDSS run a file in a process of its own, which ends where a damaged file ends the engine.

A script of the standard library and the engine alone, so that it starts at once.
"""

import contextlib
import sys
import tempfile


def main(path: str) -> None:
    """Run the commands of a file and solve; what the engine reports is of no interest here."""
    from dss import DSS

    with tempfile.TemporaryDirectory() as exports, contextlib.suppress(Exception):
        DSS.AllowForms = False
        DSS.AllowEditor = False
        DSS.AllowChangeDir = False
        DSS.DataPath = exports
        DSS.Text.Command = f'redirect "{path}"'
        DSS.ActiveCircuit.Solution.Solve()


if __name__ == "__main__":
    main(sys.argv[1])

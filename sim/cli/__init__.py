"""The command line: options in, calls down, exit codes out.

Nothing heavy is imported before a command runs, so that ``gridhaul --help`` answers at once.
"""

from sim.cli.application import app, main

__all__ = ["app", "main"]

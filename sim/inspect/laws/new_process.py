"""``python -m sim.inspect.laws.new_process``: one day where nothing ran before.

Reads a pickled ``(scenario, controller, replication)`` from its caller, writes the pickled trace.
"""

from __future__ import annotations

import os
import pickle
import sys


def main() -> None:
    """Answer one question."""
    answer = os.dup(1)
    os.dup2(2, 1)  # what a controller prints must not get between
    question = pickle.loads(sys.stdin.buffer.read())
    from sim.inspect.laws.determinism import trace

    with os.fdopen(answer, "wb") as out:
        pickle.dump(trace(*question), out)


if __name__ == "__main__":
    main()

"""Plain signs for terminals that know no others."""

from __future__ import annotations

import codecs
import io
import sys

PLAIN = {
    "±": "+/-", "×": "x", "·": ".", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->",
    "≤": "<=", "≥": ">=", "²": "2", "³": "3", "µ": "u", "°": " deg", "€": "EUR", "’": "'",
    "“": '"', "”": '"', "•": "*", "█": "#", "━": "-", "─": "-", "│": "|",
}  # fmt: skip
NAME = "gridhaul-plain"


def use_plain_signs() -> None:
    """Let output that cannot be encoded, such as ``±`` in ASCII, be printed in plain signs."""
    codecs.register_error(NAME, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.closed:
            stream.reconfigure(errors=NAME)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in unknown), error.end

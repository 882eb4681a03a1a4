"""The error family: every error that gridhaul raises on purpose derives from `GridhaulError`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

MOST_SHOWN = 300  # characters of a value in a message
MOST_LISTED = 30
LONGEST_COMPARED = 200  # characters; comparing takes quadratic time
MOST_TOLD = 4000  # of the text of an error that is none of ours


class GridhaulError(Exception):
    """Base of all errors raised on purpose."""


def shown(value: object) -> str:
    """Return `value` as it stands in messages: its `repr`, cut where nobody would read on."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of a million digits, a nest of a million lists
        return "<too large to be shown>"
    except Exception:  # noqa: BLE001 - a user's class
        return f"<{type(value).__name__} that cannot be shown>"
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]}... ({len(text)} characters)"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Return ``"Did you mean 'x'?"`` with what exists, or only what exists."""
    known = sorted(set(choices))
    comparable = known if len(word) <= LONGEST_COMPARED else []
    close = difflib.get_close_matches(word, comparable, n=1, cutoff=0.6)
    listing = ", ".join(known[:MOST_LISTED]) if known else "nothing"
    if len(known) > MOST_LISTED:
        listing += f" and {len(known) - MOST_LISTED} more"
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}There is: {listing}"


def printable(text: str) -> str:
    """Return a text without signs that a terminal would obey, or that turn the direction of it.

    Each of them becomes its escape, as ``repr`` writes it; line breaks stay.
    """
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text
    )


def described(error: BaseException) -> str:
    """Return type and text of an error, also of one whose text cannot be made."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - code of a user makes the text
        return f"{name} (its text cannot be made)"
    return f"{name}: {printable(text[:MOST_TOLD])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with an input: where it stands, what stands there, what would be right.

    Attributes
    ----------
    where
        File (or command-line option) that holds the value.
    key
        Key, column or row inside it.
    value
        The offending value, as text.
    message
        What is wrong.
    remedy
        What the user can do about it.
    """

    where: str
    key: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        text = f"{self.where}: {self.key} = {self.value}: {self.message}. {self.remedy}."
        return printable(text)


class InputError(GridhaulError):
    """Bad input. Carries every problem found, not only the first one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def single(
        cls, *, where: str, key: str, value: object, message: str, remedy: str
    ) -> InputError:
        """Return an error about one problem."""
        return cls(
            [Problem(where=where, key=key, value=shown(value), message=message, remedy=remedy)]
        )


class PlanError(GridhaulError):
    """A plan that cannot be executed: NaN power, unknown station, wrong shape."""


class EpisodeError(GridhaulError):
    """An episode whose numbers cannot be trusted, for example after a failed verification."""


class ReplayError(GridhaulError):
    """An episode that was run again and did not come out as it had."""


class SolverError(GridhaulError):
    """The solver refused a model."""

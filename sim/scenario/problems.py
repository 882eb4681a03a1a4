"""Collect all problems of a scenario, to be reported by one error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from sim.errors import InputError, Problem, shown
from sim.plugins import suggestion

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

OVERRIDES = "--set"
MOST_PER_FILE = 50
LONGEST_KEY = 200
Made = TypeVar("Made")


class Problems:
    """Collects problems; `raise_if_any` turns them into one `InputError`."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._count: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._count.total()

    def add(self, where: str, key: str, value: object, message: str, remedy: str) -> None:
        """Note one problem; see `sim.errors.Problem`.

        Beyond `MOST_PER_FILE`, the problems of a file are only counted: a long table with a wrong
        column would bury all others.
        """
        file = where.partition(", ")[0]  # `where` may name a line as well
        self._count[file] += 1
        if self._count[file] <= MOST_PER_FILE:
            key, text = key[:LONGEST_KEY], shown(value)
            self._problems.append(
                Problem(where=where, key=key, value=text, message=message, remedy=remedy)
            )

    def add_validation(
        self,
        error: ValidationError,
        model: type[BaseModel],
        *,
        where: str,
        prefix: str = "",
        overrides: Mapping[str, object] | None = None,
    ) -> None:
        """Note every finding of pydantic about an input that should have been a `model`.

        Parameters
        ----------
        error
            What pydantic found.
        model
            The model it was validated against, for proposals of names.
        where
            The file.
        prefix
            Put before each key, for example the row of a table.
        overrides
            Values that came from the command line: a finding about one of them names the option
            instead of the file.
        """
        for finding in error.errors(include_url=False):
            key = ".".join(str(part) for part in finding["loc"])
            place = where
            for name in overrides or {}:
                if name == key or name.startswith(f"{key}.") or key.startswith(f"{name}."):
                    place = OVERRIDES
            message, remedy = _explain(finding, model)
            value = None if finding["type"] == "missing" else finding["input"]
            self.add(place, prefix + key if key else prefix or "file", value, message, remedy)

    def attempt(
        self, make: Callable[[], Made], *, where: str, key: str, value: object
    ) -> Made | None:
        """Return what `make` makes; None and a problem if it refuses its values (`ValueError`)."""
        try:
            return make()
        except ValueError as error:
            self.add(where, key, value, str(error).rstrip("."), "Correct the value")
            return None

    def raise_if_any(self) -> None:
        """Raise one `InputError` with all problems, if there are any."""
        further = [
            Problem(
                where=file,
                key="problems",
                value=str(count),
                message=f"are more than the {MOST_PER_FILE} that are named",
                remedy="Mend those and look again",
            )
            for file, count in self._count.items()
            if count > MOST_PER_FILE
        ]
        if self._problems:
            raise InputError(self._problems + further)


def _explain(finding: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Return message and remedy for a finding of pydantic."""
    if finding["type"] == "extra_forbidden":
        known = _fields_at(model, finding["loc"][:-1])
        return "is no known key", suggestion(str(finding["loc"][-1]), known)
    if finding["type"] == "missing":
        return "is missing", "Add it"
    message = finding["msg"]
    return message[:1].lower() + message[1:], "Correct the value"


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at `location` may have."""
    here: type[BaseModel] | None = model
    for part in location:
        if here is None:
            return []
        if isinstance(part, int) or part not in here.model_fields:
            continue  # an entry of a list, or a name the user gave to a sub-table
        here = _model_in(here.model_fields[part].annotation)
    return [] if here is None else list(here.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``dict[str, Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None

"""The schema of ``study.json``: what a reader may rely on in a folder that came from anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sim.errors import InputError, Problem, shown

MOST_BYTES = 256 * 2**20
LARGEST = 2**63 - 1
ANOTHER = "Name a folder that --out of run, compare, stress or demo has filled"

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Text = Annotated[str, Field(max_length=100_000)]


class _Open(BaseModel):
    """A table that may have more keys than a reader needs."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Scenario(_Open):
    name: Text
    title: Text
    description: Text = ""
    digest: Text
    source: Text = ""
    overrides: dict[str, Any] = Field(default_factory=dict)


class _Successor(_Open):
    name: Text
    parameters: dict[str, Any]
    from_period: Count


class _Controller(_Open):
    label: Text
    name: Text
    parameters: dict[str, Any]
    then: _Successor | None = None
    controller: Text | None = None
    point: Text | None = None


class _Difference(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Text
    without: Text
    having: Text
    meaning: Text


class _Failure(_Open):
    controller: Text
    replication: Count
    error: Text


class _Station(_Open):
    name: Text
    set_up_h: float


class _System(_Open):
    step_h: Annotated[float, Field(gt=0)]
    end_h: Annotated[float, Field(gt=0)]
    profile_days: Count | None = None
    buses: list[Text]
    v_min_pu: list[float]
    v_max_pu: list[float]
    stations: list[_Station]
    vehicles: list[Text]
    parties: list[Text] = Field(default_factory=list)
    map: dict[str, Any] | None = None


class _Configuration(_Open):
    controllers: dict[str, dict[str, Any]]
    code_sha256: dict[str, Text]
    packages: dict[str, Text]
    python: Text
    stress: dict[str, dict[str, Any]] | None = None


class _Stress(_Open):
    controllers: list[Text]
    axes: list[dict[str, Any]]


class ManifestFile(_Open):
    """``study.json``."""

    format: int
    scenario: _Scenario
    seed: Count
    verify: Literal["full", "audit", "off"]
    keep: Literal["steps", "summary"]
    controllers: Annotated[list[_Controller], Field(min_length=1)]
    contrasts: list[_Difference] = Field(default_factory=list)
    ladder: list[_Difference] = Field(default_factory=list)
    system: _System
    configuration: _Configuration
    stress: _Stress | None = None
    replications: list[Count]
    finished: bool
    failures: list[_Failure]


def read_manifest(file: Path, version: int) -> dict[str, Any]:
    """Read and check ``study.json``.

    Parameters
    ----------
    file
        Where it is.
    version
        Of the format that is read.

    Raises
    ------
    InputError
        If there is none, it is of another version, or anything in it is not as it should be.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"has more than {MOST_BYTES:,} bytes")
        content = json.loads(file.read_text(encoding="utf-8"))
        found = content["format"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError.single(
            where=str(file.parent),
            key="folder",
            value=str(file.parent),
            message=f"holds no readable {file.name} ({type(error).__name__})",
            remedy=ANOTHER,
        ) from error
    if found != version:
        raise InputError.single(
            where=str(file),
            key="format",
            value=found,
            message=f"is not the format of this version ({version})",
            remedy="Read it with the version that wrote it, or run the study again",
        )
    try:
        ManifestFile.model_validate(content)
    except ValidationError as error:
        raise InputError(
            Problem(
                where=str(file),
                key=".".join(str(part) for part in own["loc"]),
                value="" if own["type"] == "missing" else shown(own["input"]),
                message=own["msg"][:1].lower() + own["msg"][1:],
                remedy=ANOTHER,
            )
            for own in error.errors(include_url=False)[:20]
        ) from error
    manifest: dict[str, Any] = content
    return manifest

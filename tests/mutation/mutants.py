"""Mutants of the packages that compute physics and money: all of them, and the keyed choice.

mutmut makes the mutants; its runner is not used. It copies the whole source tree with a trampoline
around every function and times all tests first, and it cannot choose by a key. Here one mutant is
one changed module, so that what is tested is what a reader of its difference sees.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, create_mutations

ROOT = Path(__file__).parents[2]
PACKAGES = ("sim/system", "sim/electrical", "sim/world", "sim/episode")


@dataclass(frozen=True)
class Mutant:
    """One change of one function.

    `name` is file, function, and a number within the function: it stays the same while the
    function does, whatever happens around it.
    """

    name: str
    package: str
    file: str
    line: int
    index: int

    @property
    def key(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def source(self) -> str:
        """The whole changed module."""
        module, mutations = _mutations(self.file)
        mutation = mutations[self.index]
        changed = module.deep_replace(mutation.original_node, mutation.mutated_node)
        return cst.ensure_type(changed, cst.Module).code

    @property
    def difference(self) -> str:
        """The changed lines, as a reader sees them."""
        old = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        lines = difflib.unified_diff(old, self.source.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


@lru_cache
def _mutations(file: str) -> tuple[cst.Module, list[Mutation]]:
    module, mutations, _, _ = create_mutations(file, (ROOT / file).read_text(encoding="utf-8"))
    return module, mutations


def all_mutants(package: str) -> list[Mutant]:
    """Return every mutant of a package, in the order of its files."""
    return [
        mutant
        for path in sorted((ROOT / package).glob("*.py"))
        for mutant in mutants_of(path.relative_to(ROOT).as_posix(), package)
    ]


def mutants_of(file: str, package: str) -> Iterator[Mutant]:
    """Yield the mutants of one file; decorated functions and what runs on import have none."""
    module, mutations = _mutations(file)
    function = _function_names(module)
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    count: Counter[str] = Counter()
    for index, mutation in enumerate(mutations):
        within = mutation.contained_by_top_level_function
        if within not in function:
            continue
        count[function[within]] += 1
        yield Mutant(
            name=f"{file}:{function[within]}:{count[function[within]]}",
            package=package,
            file=file,
            line=positions[mutation.original_node].start.line,
            index=index,
        )


def _function_names(module: cst.Module) -> dict[cst.CSTNode | None, str]:
    found: dict[cst.CSTNode | None, str] = {}
    for statement in module.body:
        if isinstance(statement, cst.FunctionDef):
            found[statement] = statement.name.value
        elif isinstance(statement, cst.ClassDef):
            for inner in statement.body.body:
                if isinstance(inner, cst.FunctionDef):
                    found[inner] = f"{statement.name.value}.{inner.name.value}"
    return found


def chosen(n: int) -> list[Mutant]:
    """Return `n` mutants, in proportion to the packages' numbers, by the order of their keys.

    The choice of fewer is part of the choice of more, up to the rounding of the shares.
    """
    everything = {
        package: sorted(all_mutants(package), key=lambda each: each.key) for package in PACKAGES
    }
    total = sum(map(len, everything.values()))
    exact = {package: n * len(own) / total for package, own in everything.items()}
    share = {package: int(amount) for package, amount in exact.items()}
    by_rest = sorted(PACKAGES, key=lambda package: share[package] - exact[package])
    for package in by_rest[: n - sum(share.values())]:
        share[package] += 1
    return [mutant for package, own in everything.items() for mutant in own[: share[package]]]

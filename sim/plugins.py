"""Things that other packages contribute, found through entry points and never by import.

Two groups: ``gridhaul.controllers`` names controller classes, ``gridhaul.scenarios`` names scenario
folders. A third party adds its own by declaring entry points in its project file. Listing reads
metadata only; loading imports the one module that is asked for.
"""

from __future__ import annotations

import sys
import traceback
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from types import ModuleType

from sim.errors import InputError, described
from sim.errors import suggestion as suggestion
from sim.user_code import ProgramEnded, contained

CONTROLLERS = "gridhaul.controllers"
SCENARIOS = "gridhaul.scenarios"


@lru_cache
def registered(group: str) -> EntryPoints:
    """Return the entry points of a group; looking through all packages takes 0.1 s, so once."""
    return entry_points(group=group)


def names(group: str) -> tuple[str, ...]:
    """Return the names registered in `group`, sorted; nothing is imported."""
    return tuple(sorted({point.name for point in registered(group)}))


def load(group: str, name: str) -> object:
    """Return what is registered as `name` in `group`.

    Parameters
    ----------
    group
        ``CONTROLLERS`` or ``SCENARIOS``.
    name
        A registered name.

    Raises
    ------
    InputError
        If nothing is registered under that name, two packages claim it, or it does not import.
    """
    kind = group.rpartition(".")[2]
    points = [point for point in registered(group) if point.name == name]
    if not points:
        raise InputError.single(
            where=kind,
            key=kind.removesuffix("s"),
            value=name,
            message="is not registered",
            remedy=suggestion(name, names(group)),
        )
    targets = sorted({point.value for point in points})
    if len(targets) > 1:
        raise InputError.single(
            where=kind,
            key=kind.removesuffix("s"),
            value=name,
            message=f"is registered more than once: {', '.join(targets)}",
            remedy="Uninstall or rename one of them",
        )
    return _import(points[0], kind)


def _import(point: EntryPoint, kind: str) -> object:
    try:
        with contained():
            return point.load()
    except (ImportError, AttributeError, ProgramEnded) as error:
        raise InputError.single(
            where=kind,
            key=point.name,
            value=point.value,
            message=f"cannot be imported ({error})",
            remedy="Reinstall the package that registers it",
        ) from error


def is_file(name: str) -> bool:
    """Return whether a controller's name means a class in a file."""
    return ":" in name or name.endswith(".py")


def read_source(name: str) -> str:
    """Return the text of the file in ``my_file.py:ClassName``, empty for other controllers.

    Raises
    ------
    InputError
        If there is no such file, or it is no text.
    """
    path = Path(name.rpartition(":")[0])
    if not is_file(name) or path.suffix != ".py":
        return ""
    file = path.expanduser()
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.single(
            where=str(path),
            key="controller",
            value=str(path),
            message=f"cannot be read ({type(error).__name__}: {error})",
            remedy="A controller's file is Python source in UTF-8",
        ) from error


def load_controller(name: str, source: str = "") -> object:
    """Return a controller class by registered name or as ``my_file.py:ClassName``.

    Parameters
    ----------
    name
        What to load.
    source
        Text of the file, for machines that do not have it and so that editing it during a study
        changes nothing; empty reads the file.

    Raises
    ------
    InputError
        If the name is unknown, the file is missing or broken, or it has no such class.
    """
    path, separator, attribute = name.rpartition(":")
    if not is_file(name):
        return load(CONTROLLERS, name)
    if not separator or not attribute or not path.endswith(".py"):
        raise InputError.single(
            where="controller",
            key="controller",
            value=name,
            message="is neither a registered name nor file.py:ClassName",
            remedy=f"Write my_file.py:MyController. {suggestion(name, names(CONTROLLERS))}",
        )
    module = _module_of(Path(path), source or read_source(name))
    if not isinstance(getattr(module, attribute, None), type):
        classes = (
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        )
        raise InputError.single(
            where=path,
            key="controller",
            value=attribute,
            message="is no class of this file",
            remedy=suggestion(attribute, classes),
        )
    return getattr(module, attribute)


def _missing(path: Path) -> InputError:
    return InputError.single(
        where=str(path),
        key="controller",
        value=str(path),
        message="there is no such file",
        remedy="Check the path; it is taken from the working directory",
    )


def _module_of(path: Path, source: str) -> ModuleType:
    file = path.expanduser().resolve()
    # Dataclasses look up their module by name, so it must be registered, and under a name that no
    # installed package has.
    name = f"gridhaul_file_{file.stem}"
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    try:
        with contained():
            exec(compile(source, str(file), "exec"), vars(module))
    except Exception as error:
        sys.modules.pop(name, None)
        raise InputError.single(
            where=str(path),
            key="controller",
            value=str(path),
            message=f"cannot be imported ({described(error)}{_at_line(error, file)})",
            remedy="Run the file with python and mend what it reports",
        ) from error
    return module


def _at_line(error: BaseException, file: Path) -> str:
    """Return the innermost line of `file` that raised an error; a `SyntaxError` names its own."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f", line {own[-1]}" if own else ""

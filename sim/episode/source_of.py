"""The source text of a controller's class, wherever it was written.

Workers have neither the notebook nor the running script: they are sent the text of the class with
all that it uses, and the text says which controller a study was run with.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path

from sim.errors import InputError, shown

FUTURE = "from __future__ import annotations\n"


def source_of(cls: type) -> str:
    """Return a module's text that defines `cls` and what it uses.

    Modules and what they define are imported; classes and functions of the notebook or script are
    part of the text, and so are numbers, texts and collections of them.

    Raises
    ------
    InputError
        With a reason, if the class uses something that cannot be written down: a variable of the
        function around it (a closure), or an object such as an array or a data frame.
    """
    found: dict[str, str] = {}
    _add(cls, cls, found)
    return FUTURE + "\n\n".join(found.values()) + "\n"


def file_name(cls: type) -> str:
    """Return what the text is called in messages and tables: the script's name, or notebook.py."""
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return Path(path).name if path else "notebook.py"


def _add(thing: type | types.FunctionType, cls: type, found: dict[str, str]) -> None:
    """Add the definition of a class or function, after those of all that it uses."""
    text = _text(thing, cls)
    for name in sorted({*_names(compile(text, "<source>", "exec"))}):
        names = _globals_of(thing)
        if name in found or name == thing.__name__ or name not in names:
            continue
        if hasattr(builtins, name) and names[name] is getattr(builtins, name):
            continue
        _add_value(name, names[name], cls, found)
    found[thing.__name__] = text


def _add_value(name: str, value: object, cls: type, found: dict[str, str]) -> None:
    if isinstance(value, types.ModuleType):
        found[name] = f"import {value.__name__} as {name}"
    elif isinstance(value, type | types.FunctionType):
        if value.__module__ == cls.__module__:
            _add(value, cls, found)
        else:
            found[name] = f"from {value.__module__} import {value.__name__} as {name}"
    elif _is_literal(value):
        found[name] = f"{name} = {value!r}"
    else:
        raise _refused(
            cls,
            f"uses {name} (={shown(value)}), whose type {type(value).__name__} cannot be written "
            "down as text",
            "Make it a field of its Parameters, or compute it in start",
        )


def _text(thing: type | types.FunctionType, cls: type) -> str:
    functions = [thing] if isinstance(thing, types.FunctionType) else _methods(thing)
    for function in functions:
        held = [name for name in function.__code__.co_freevars if name != "__class__"]
        if held:
            raise _refused(
                cls,
                f"{function.__qualname__} uses {', '.join(held)} of the function around it (a "
                "closure), which other processes do not have",
                "Define the class outside of the function, and give values as Parameters",
            )
    try:
        text = inspect.getsource(thing)
    except (OSError, TypeError):
        # A class of a notebook has no file; its methods know their cell.
        text = next((own for own in map(_class_around, functions) if own), "")
    if not text:
        raise _refused(cls, "has no source text", "Write it in a file or in a notebook's cell")
    return textwrap.dedent(text).rstrip() + "\n"


def _class_around(method: types.FunctionType) -> str:
    """Return the text of the class that a method is defined in, empty if it is not found."""
    lines, _ = inspect.findsource(method)
    name = method.__qualname__.rpartition(".")[0]
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            return "".join(lines[first - 1 : node.end_lineno])
    return ""


def _methods(cls: type) -> list[types.FunctionType]:
    """Return the methods that the user has written; dataclasses make others."""
    found = (getattr(value, "__func__", value) for value in vars(cls).values())
    written = _globals_of(cls)
    return [
        own
        for own in found
        if isinstance(own, types.FunctionType)
        and own.__globals__ is written
        and own.__code__.co_filename != "<string>"
    ]


def _globals_of(thing: type | types.FunctionType) -> dict[str, object]:
    if isinstance(thing, types.FunctionType):
        return thing.__globals__
    return vars(sys.modules[thing.__module__])


def _names(code: types.CodeType) -> Iterator[str]:
    """Yield the names that code looks up outside of its functions, inner functions included."""
    for line in dis.get_instructions(code):
        if line.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(line.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


def _is_literal(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def _refused(cls: type, message: str, remedy: str) -> InputError:
    return InputError.single(
        where=cls.__name__, key="controller", value=cls, message=message, remedy=remedy
    )

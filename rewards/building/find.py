"""Finds the function that a config names: `module:function`, `file.py:function`, `folder:Class.method`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from verifiers.runtime.names import nearest


def find(where: str) -> Callable[..., Any]:
    """Find the function that a config names, relative to the current folder.

    A file may import files next to it, as a script does; a file of a package is imported as part of that package. A
    method is bound to an instance of its class if one can be made without arguments.

    Args:
        where: `PLACE:ATTRIBUTE`. The place is a module, a Python file or the folder of a package; the attribute is a
            function or another callable, possibly of a class or an object (`Class.method`).

    Raises:
        ValueError: there is no such place or attribute (the message names the nearest), or its import failed.
    """
    place, _, attribute = where.rpartition(":")
    if not place or not attribute:
        raise ValueError(f"function: expected module:function or path/to/file.py:function, got {where!r}")
    path = Path(place).expanduser()
    if place.endswith(".py") and not path.is_file():
        raise ValueError(f"no file {place!r}")
    try:
        if place.endswith(".py") or (path / "__init__.py").is_file():
            module = _from_file(path.resolve())
        else:
            module = _from_name(place)
    except ValueError:
        raise
    except (Exception, SystemExit) as error:  # a user's code may raise anything at its import; show it to the user
        raise ValueError(f"importing {place!r} failed: {type(error).__name__}: {error}") from error
    return _attribute(module, attribute, place)


def _from_file(path: Path) -> ModuleType:
    """Import a module from its file, or from the folder of a package."""
    parts = [] if path.is_dir() else [path.stem]
    folder = path if path.is_dir() else path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    with _neighbours(folder):
        if len(parts) == 1 and path.is_file():
            return _loaded(_own_name(path), path)
        top = folder / parts[0]
        there = sys.modules.get(parts[0])
        if there is not None and Path(getattr(there, "__file__", None) or "") != top / "__init__.py":
            # another package has this name, such as Whetstone's `rewards`, so give this one a unique name
            parts[0] = _own_name(top)
            if parts[0] not in sys.modules:
                _loaded(parts[0], top / "__init__.py", [str(top)])
        return importlib.import_module(".".join(part for part in parts if part != "__init__"))


def _loaded(name: str, path: Path, search: list[str] | None = None) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # where dataclasses look
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _own_name(path: Path) -> str:
    """A unique name for the module of a file."""
    return f"{path.stem}_of_the_config_{hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()}"


@contextlib.contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """Search a folder first while a module is imported, and last afterwards, for imports within functions."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _from_name(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise  # the module exists, but something that it imports does not
    except (TypeError, ValueError):  # a relative name, or an empty part
        pass
    raise ValueError(
        f"no module {name!r} in {here} or among the installed ones; a file goes by its path, folder/file.py:function"
    )


def _attribute(module: ModuleType, path: str, place: str) -> Callable[..., Any]:
    """The attribute of a module at a dotted path."""
    found: Any = module
    *owners, last = path.split(".")
    for name in owners:
        if not hasattr(found, name):
            raise ValueError(f"{place} has no {name!r}; {nearest(name, _names(found))}")
        found = getattr(found, name)
    if not callable(getattr(found, last, None)):
        holder = ".".join([place, *owners])
        raise ValueError(f"{holder} has no function {last!r}; {nearest(last, _names(found))}")
    if inspect.isclass(found) and isinstance(inspect.getattr_static(found, last), FunctionType):
        try:
            found = found()
        except TypeError as error:
            raise ValueError(
                f"{path} is a method, and its class cannot be made without arguments ({error}); name a method of an "
                f"instance, a static method or a class method"
            ) from None
    return getattr(found, last)


def _names(owner: Any) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_") and callable(getattr(owner, name, None))]

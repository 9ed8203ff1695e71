"""Functions of the user that return a table."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foundation.suggestions import suggest
from market.errors import DataError, SourceError, UnreachableError
from market.sources.arrow_tables import convert_frame
from market.sources.kinds import Function


def call_function(source: Function) -> Any:
    """Import a function and call it; return its table as an Arrow table.

    The present folder counts as a place of modules, after all others.

    Raises
    ------
    UnreachableError
        If the function raises ConnectionError or TimeoutError, or an error derived from one.
    SourceError
        If it cannot be imported, fails otherwise, or returns no table.
    """
    function = _import_function(source)
    try:
        given = function()
    except DataError:
        raise
    except (ConnectionError, TimeoutError) as error:
        raise UnreachableError(f"{source.label}: cannot be reached: {_describe(error)}") from error
    except Exception as error:
        raise SourceError(f"{source.label}: failed: {_describe(error)}") from error
    return convert_frame(source.label, given)


def _import_function(source: Function) -> Callable[[], object]:
    module_name, _, name = source.name.partition(":")
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            where = f"in {here} or among the installed packages"
            raise SourceError(f"{source.label}: there is no module {missing!r} {where}") from error
        raise SourceError(f"{source.label}: {module_name} needs the module {missing!r}") from error
    except Exception as error:
        raise SourceError(f"{source.label}: {module_name} cannot be imported: {_describe(error)}") from error
    finally:
        if added:
            sys.path.remove(here)
    function = getattr(module, name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise SourceError(f"{source.label}: {module_name} has no function {name!r}{suggest(name, known)}")
    return function  # type: ignore[no-any-return]


def _describe(error: BaseException) -> str:
    """Return an error in one line, with the place in the user's code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}"

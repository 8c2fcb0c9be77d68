"""Load an algorithm file: compile it, run it with the API's names present, pick the user's functions."""

from __future__ import annotations

import ast
import builtins
import hashlib
import linecache
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind import api
from tradewind.algorithm import UserFunctions
from tradewind.compat.names import public_names
from tradewind.errors import AlgorithmError, AlgorithmSyntaxError, UsageError

HOOKS = ("initialize", "handle_data", "before_trading_start", "analyze")


def read_source(path: Path) -> str:
    """Return the text of an algorithm file. Raises UsageError when it is missing or no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no algorithm file {str(path)!r}: check the path.") from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a folder: name the algorithm's .py file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{str(path)!r} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None


def digest(source: str) -> str:
    """Return the SHA-256 of a program's text, in hex."""
    return hashlib.sha256(source.encode()).hexdigest()


def parameter_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with strings read as Python literals where they are some ("5" → 5, "abc" stays)."""
    return {name: _literal(value) for name, value in parameters.items()}


def _literal(value: Any) -> Any:
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value


def load(source: str, path: str, parameters: Mapping[str, Any]) -> UserFunctions:
    """Run a program's text and return its functions.

    The API's names are present without import, and so are the parameters. The text is known to tracebacks under `path`.
    Raises AlgorithmSyntaxError, or AlgorithmError when it defines none of the functions the simulator calls.
    """
    try:
        code = compile(source, path, "exec")
    except SyntaxError as error:
        raise AlgorithmSyntaxError(path, error.lineno, error.msg or "invalid syntax", error.text) from None
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    namespace: dict[str, Any] = {"__builtins__": builtins, "__name__": "algorithm", "__file__": path}
    namespace |= public_names(api) | dict(parameters)
    exec(code, namespace)
    found = {name: namespace.get(name) for name in HOOKS}
    if not any(found[name] for name in HOOKS[:3]):
        raise AlgorithmError(
            f"{path} defines none of initialize, handle_data and before_trading_start: there is nothing to run. "
            "Define initialize(context) and handle_data(context, data), or schedule functions in initialize."
        )
    return UserFunctions(**found)

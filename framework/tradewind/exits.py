"""Exit codes of the command line, and how an error is told to the person who reads it.

    0 ok · 1 the algorithm's own fault, or a failed verdict · 2 usage · 3 data · 4 our bug · 130 interrupted

An error is the algorithm's own when its traceback passes through the algorithm's file; market data that is not there
(DataError) stays a data error wherever it was asked for. Users see their own frames only.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tradewind.errors import AlgorithmError, BooksDoNotBalance, RunInterrupted, UsageError
from tradewind_data.errors import DataError
from tradewind_optimize.errors import OptimizationError

OK, FAILED, USAGE, DATA, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 130

_HOUSE = Path(__file__).resolve().parent


def exit_code(error: BaseException, algorithm: Path | None = None) -> int:
    """The exit code of an uncaught error; `algorithm` is the file that was being run, if one was."""
    if isinstance(error, KeyboardInterrupt | RunInterrupted):
        return INTERRUPTED
    if isinstance(error, BooksDoNotBalance):
        return BUG
    if isinstance(error, DataError):
        return DATA
    if isinstance(error, AlgorithmError | OptimizationError) or _passes_through(error, algorithm):
        return FAILED
    return USAGE if isinstance(error, UsageError) else BUG


def told(error: BaseException, algorithm: Path | None = None) -> str:
    """The error for its reader: the sentence, then the user's own frames and the simulated time if there are any."""
    frames = _user_frames(error, algorithm)
    shown = "".join(traceback.StackSummary.from_list(frames).format()).rstrip()
    notes = "\n".join(f"  {note}" for note in getattr(error, "__notes__", ()))
    return "\n".join(part for part in (f"error: {_sentence(error)}", shown, notes, _cause(error)) if part)


def _sentence(error: BaseException) -> str:
    """The message of our errors, which are whole sentences; "KeyError: 'x'" of any other."""
    if isinstance(error, DataError | UsageError | AlgorithmError | RunInterrupted):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _cause(error: BaseException) -> str:
    return "" if error.__cause__ is None else f"  caused by {_sentence(error.__cause__)}"


def _passes_through(error: BaseException, algorithm: Path | None) -> bool:
    return algorithm is not None and any(_same(frame.filename, algorithm) for frame in _frames(error))


def _frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


def _same(filename: str, algorithm: Path) -> bool:
    return Path(filename) == algorithm or Path(filename).resolve() == algorithm.resolve()


def _user_frames(error: BaseException, algorithm: Path | None) -> list[traceback.FrameSummary]:
    """The frames of the algorithm's file and of what it imports from the user's own folders, outermost first."""
    if algorithm is None or not _passes_through(error, algorithm):
        return []
    foreign = tuple(_foreign())
    return [
        frame
        for frame in _frames(error)
        if _same(frame.filename, algorithm) or not str(Path(frame.filename).resolve()).startswith(foreign)
        if not frame.filename.startswith("<")
    ]  # fmt: skip


def _foreign() -> Iterator[str]:
    """Folders whose frames are not the user's: our packages, the standard library, installed packages."""
    yield str(_HOUSE)
    for package in (sys.modules.get(name) for name in ("tradewind_data", "tradewind_optimize")):
        if package is not None and package.__file__:
            yield str(Path(package.__file__).resolve().parent)
    for kind in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield sysconfig.get_path(kind)
        yield str(Path(sysconfig.get_path(kind)).resolve())


def write_bug_report(error: BaseException, command: str) -> Path:
    """Write the whole traceback and the versions to a file in the working directory (else the temporary one)."""
    from importlib.metadata import version

    names = ("tradewind", "numpy", "pandas", "numba", "pyarrow")
    versions = "\n".join(f"{name} {version(name)}" for name in names)
    text = "".join(traceback.format_exception(error))
    body = f"{command}\n\nPython {platform.python_version()} on {platform.platform()}\n{versions}\n\n{text}"
    name = f"tradewind-bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            (folder / name).write_text(body, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return Path(name)

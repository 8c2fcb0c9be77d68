"""The original platform's module names, present while an algorithm file is loaded and run.

An import of `quantopian.algorithm` inside an algorithm file gives a module with the public names of `tradewind.api`.
The names live only inside `imported_names()`: nothing is added to the interpreter of someone who uses tradewind as a
library.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

ALIASES = {
    "quantopian": "",
    "quantopian.algorithm": "tradewind.api",
    "quantopian.optimize": "tradewind.optimize",
    "quantopian.optimize.experimental": "tradewind.optimize.experimental",
    "quantopian.experimental": "",
    "quantopian.experimental.optimize": "tradewind.optimize",
    "zipline": "",
    "zipline.api": "tradewind.api",
    "zipline.assets": "tradewind_data.assets tradewind_data.contracts",
    "zipline.errors": "tradewind.errors tradewind_data.errors",
    "zipline.finance": "",
    "zipline.finance.asset_restrictions": "tradewind.restrictions",
    "zipline.finance.cancel_policy": "tradewind.cancel_policy",
    "zipline.finance.commission": "tradewind.commission",
    "zipline.finance.execution": "tradewind.orders",
    "zipline.finance.slippage": "tradewind.slippage",
    "zipline.utils": "",
    "zipline.utils.events": "tradewind.schedule",
}
"""Old module → the modules whose public names it offers; "" is an empty package."""


def public_names(module: ModuleType) -> dict[str, object]:
    """Return the names a module offers: those of __all__, else all without a leading underscore."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    return {name: getattr(module, name) for name in names}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and fills the alias modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of an alias, None for every other module."""
        if fullname not in ALIASES:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave making the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the names of its target."""
        offered: dict[str, object] = {}
        for target in ALIASES[module.__name__].split():
            offered |= public_names(importlib.import_module(target))
        if offered:
            vars(module).update(offered, __all__=list(offered))


def _present() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in {alias.split(".")[0] for alias in ALIASES}]


@contextmanager
def imported_names() -> Iterator[None]:
    """Make the old names importable inside the block; whatever stood under them before is back afterwards."""
    finder = _Finder()
    kept = {name: sys.modules.pop(name) for name in _present()}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in _present():
            del sys.modules[name]
        sys.modules.update(kept)

"""Bokeh documents as plain values: a model is a kind with attributes, a document is JSON.

A chart here is a few hundred models, and building them as bokeh's Python objects costs a second that writing their JSON
does not. The form is bokeh's own: `{"type": "object", "name": kind, "id": …, "attributes": {…}}` where a model first
appears, `{"id": …}` where it appears again; what is left out has the default of the library's script. The tests read
every document back with bokeh, which checks each kind, attribute and value.
"""

from __future__ import annotations

import base64
import gzip
import importlib.util
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


class Model:
    """One bokeh model: its kind ("Line") and the attributes that differ from the default."""

    __slots__ = ("attributes", "kind")

    def __init__(self, kind: str, **attributes: Any) -> None:
        self.kind, self.attributes = kind, attributes


def field(column: str) -> dict[str, str]:
    """A glyph's property that is read from a column of its source."""
    return {"type": "field", "field": column}


def value(constant: Any) -> dict[str, Any]:
    """A glyph's property that is the same for every point."""
    return {"type": "value", "value": constant}


def expression(model: Model) -> dict[str, Any]:
    """A glyph's property that the browser computes."""
    return {"type": "expr", "expr": model}


def mapping(entries: Mapping[Any, Any]) -> dict[str, Any]:
    """A map; plain dicts stand for themselves."""
    return {"type": "map", "entries": [list(entry) for entry in entries.items()]}


def document(roots: Sequence[Model]) -> tuple[dict[str, Any], dict[Model, str]]:
    """The document of these roots as JSON values, and the id each model has in it ("p1", "p2" … in reading order)."""
    ids: dict[Model, str] = {}
    config, *encoded = (_encoded(model, ids) for model in (Model("DocumentConfig"), *roots))
    return {"version": version("bokeh"), "title": "report", "config": config, "roots": encoded}, ids


def _encoded(item: Any, ids: dict[Model, str]) -> Any:
    if isinstance(item, Model):
        return _object(item, ids)
    if isinstance(item, np.ndarray):
        return _array(item)
    if isinstance(item, dict):
        return {key: _encoded(part, ids) for key, part in item.items()}
    if isinstance(item, list | tuple):
        return [_encoded(part, ids) for part in item]
    return item


def _object(model: Model, ids: dict[Model, str]) -> dict[str, Any]:
    if model in ids:
        return {"id": ids[model]}
    ids[model] = f"p{len(ids) + 1}"
    attributes = {name: _encoded(part, ids) for name, part in model.attributes.items()}
    return {"type": "object", "name": model.kind, "id": ids[model], "attributes": attributes}


def _array(array: np.ndarray) -> dict[str, Any]:
    """The bytes of an array, compressed without a time stamp."""
    packed = base64.b64encode(gzip.compress(array.tobytes(), 6, mtime=0)).decode("ascii")
    data = {"type": "bytes", "data": packed}
    return {"type": "ndarray", "array": data, "shape": list(array.shape), "dtype": str(array.dtype), "order": "little"}


def library() -> str:
    """The library's script, whole, for a page that is read without a network.

    Read from the installed package without importing it.
    """
    found = importlib.util.find_spec("bokeh")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the report needs bokeh, which is not installed: pip install bokeh")
    script = Path(found.submodule_search_locations[0]) / "server" / "static" / "js" / "bokeh.min.js"
    return script.read_text(encoding="utf-8").replace("</script", "<\\/script")

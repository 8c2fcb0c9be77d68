"""Recorded runs for the tests of what reads a Result."""

import importlib.util
from functools import cache
from pathlib import Path

import pytest


def _load(name):
    spec = importlib.util.spec_from_file_location(f"_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def record():
    """recorded.record, each distinct run made once."""
    return cache(_load("recorded").record)

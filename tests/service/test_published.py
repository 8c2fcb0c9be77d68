"""The published client's own tests, unmodified but for one hard-coded address: with its classes, and with ours.

The package is downloaded when the tests run; they are written against a hosted service whose prices they take part in,
and find ours over a seeded market instead.
"""

import os
import re
import subprocess
import sys
import tarfile

import pytest

pytestmark = pytest.mark.slow

PACKAGE = "pyoptimum==0.12.0"
HOSTED = "https://optimize.vicbee.net/auth/api"
ALIASES = """
import sys, types
from importlib import import_module
import tradewind.optimize.meanvariance as ours
sys.modules["pyoptimum"] = ours
for name in ("model", "portfolio"):
    sys.modules["pyoptimum." + name] = import_module("tradewind.optimize.meanvariance." + name)
source = types.ModuleType("src")
source.pyoptimum = ours
sys.modules["src"] = source
sys.modules["src.pyoptimum"] = ours
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
    if subprocess.run(command, cwd=folder, check=False).returncode:
        pytest.skip(f"{PACKAGE} cannot be downloaded here")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / PACKAGE.replace("==", "-")


@pytest.mark.parametrize("client", ["theirs", "ours"])
def test_all_of_them_pass(sources, service, client):
    for path in (sources / "tests").glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f"'{HOSTED}'", "base_url + '/auth/api'"), encoding="utf-8")
    (sources / "conftest.py").write_text(ALIASES if client == "ours" else "", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    env = {**os.environ, "TEST_BASE_URL": service.url}
    done = subprocess.run(command, cwd=sources, env=env, capture_output=True, text=True, check=False)
    found = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    assert int(found[1]) == 35

"""docs/service.md: its programs run against a service over the demo bundle."""

import re
import subprocess
import sys
from pathlib import Path

from tests.service.conftest import running

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/service.md").read_text(encoding="utf-8")


def test_the_walk_runs_over_http(root, tmp_path):
    import os

    blocks = {match[1]: match[0] for match in re.finditer(r"# (\w+\.py)\n.*?(?=```)", PAGE, re.DOTALL)}
    assert set(blocks) == {"over_http.py", "one_call.py"}
    with running(root, "-b", "demo") as service:
        for name, block in blocks.items():
            (tmp_path / name).write_text(block, encoding="utf-8")
            done = subprocess.run(
                [sys.executable, name], cwd=tmp_path, env={**os.environ, "TRADEWIND_URL": service.url},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip()
        addresses = re.findall(r"`(?:GET|POST) (/[^`]*)`", PAGE)
        assert len(addresses) >= 6

"""Bundles on other filesystems: read as on this machine, pushed and pulled whole or not at all."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from click.testing import CliRunner
from pyarrow import fs

from tradewind.cli import cli
from tradewind_data import places
from tradewind_data.bundle import Bundle, list_bundles, open_bundle
from tradewind_data.errors import BadIngestRequest, BundleCorrupt, BundleNotFound, PlaceUnreachable
from tradewind_data.gridfile import GridFile
from tradewind_data.ingest import publish
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.publish import pull, push
from tradewind_data.ingest.versions import diff
from tradewind_data.places import RemotePath, place_of
from tradewind_data.schema import FIELDS

CLOSES = {f"2020-0{m}-{d:02d}": 10.0 + m + d / 7 for m in range(1, 5) for d in range(1, 29)}


@pytest.fixture
def mine(folder, root: Path, tmp_path: Path, monkeypatch) -> Bundle:
    """A bundle with something of everything, on this machine; the cache is the test's own."""
    monkeypatch.setenv("TRADEWIND_CACHE", str(tmp_path / "cache"))
    folder.bars("A", CLOSES)
    folder.bars("B", dict(list(CLOSES.items())[20:60]))
    folder.write("minute/A.csv", "date,open,high,low,close,volume\n2020-01-02 12:00,5,5,5,5,5\n")
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-02,1\nB,2020-02-02,2\n")
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-02-05,1\n")
    folder.write("splits.csv", "symbol,effective_date,factor\nA,2020-03-05,2\n")
    folder.write("classifications.csv", "symbol,scheme,code\nA,sector,7\nB,sector,9\n")
    ingest_folder(folder.path, "mine", calendar="24/7")
    return open_bundle("mine")


@pytest.fixture(params=["subtree", "memory"])
def store(request, tmp_path: Path) -> fs.FileSystem:
    if request.param == "memory":
        return fs._MockFileSystem()
    (tmp_path / "far").mkdir()
    return fs.SubTreeFileSystem(str(tmp_path / "far"), fs.LocalFileSystem())


def answers(bundle: Bundle) -> dict[str, object]:
    daily, minutes = bundle.bars(), bundle.bars("1m")
    out: dict[str, object] = {"assets": [repr(a) for a in bundle.finder], "splits": bundle.actions.splits.numerator}
    for field in FIELDS:
        out[field] = np.array(daily.values(field))
        out[f"{field} seen"] = daily.window(field, None, daily.last_session, 100)
        out[f"{field} by minute"] = minutes.session_values(field, minutes.first_session)
    at = bundle.sessions.closes[[daily.last_session]]
    out["eps"] = bundle.datasets.as_of("facts", ["eps"], at, bundle.finder.sids)["eps"]
    out["sector"] = bundle.classifications.as_of("sector", int(at[0]))
    return out


def assert_same(one: Bundle, other: Bundle) -> None:
    assert one.hash == other.hash
    found = answers(other)
    for name, value in answers(one).items():
        np.testing.assert_array_equal(value, found[name], name)


def appended(folder) -> Bundle:
    """The next version of ``mine``."""
    folder.bars("A", {**CLOSES, "2020-05-01": 50.0})
    ingest_folder(folder.path, "mine", append=True)
    return open_bundle("mine")


def test_it_is_read_as_on_this_machine(mine: Bundle, store) -> None:
    made = push(mine, "tw/bundles/mine", store)
    assert (made.version, made.copied) == ("1", True)
    far = open_bundle("tw/bundles/mine", filesystem=store)
    assert isinstance(far.path, RemotePath)
    assert (far.name, far.version) == ("mine", "1")
    far.verify()
    assert_same(mine, far)
    assert diff(mine, far).same
    named = open_bundle("mine@1", root="tw", filesystem=store)
    assert named.hash == mine.hash
    assert [b.name for b in list_bundles("tw", filesystem=store)] == ["demo", "mine"]
    with pytest.raises(BundleNotFound, match="known bundles: demo, mine"):
        open_bundle("mina", root="tw", filesystem=store)


def test_the_cache_is_on_this_machine(mine: Bundle, store, tmp_path: Path, monkeypatch) -> None:
    push(mine, "mine/mine", store)
    before = answers(open_bundle("mine/mine", filesystem=store))
    kept = {path.name for path in (tmp_path / "cache" / mine.hash).iterdir()}
    assert {f"{field}.f8" for field in FIELDS} <= kept
    monkeypatch.setattr(GridFile, "values", lambda *_, **__: pytest.fail("the bars were fetched again"))
    after = answers(open_bundle("mine/mine", filesystem=store))
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], name)


def test_tables_are_fetched_once(mine: Bundle, store, tmp_path: Path, monkeypatch) -> None:
    push(mine, "mine/mine", store)
    fetched: list[str] = []
    for how in ("open", "read_bytes"):
        real = getattr(RemotePath, how)
        monkeypatch.setattr(RemotePath, how, lambda self, *a, r=real: (fetched.append(self.name), r(self, *a))[1])

    def opened() -> list[str]:
        fetched.clear()
        far = open_bundle("mine/mine", filesystem=store)
        assert [repr(asset) for asset in far.finder] == [repr(asset) for asset in mine.finder]
        assert far.actions.splits.numerator.tolist() == mine.actions.splits.numerator.tolist()
        return sorted(set(fetched))

    assert {"assets.parquet", "splits.parquet", "manifest.json"} <= set(opened())
    assert opened() == ["manifest.json"]
    copy = tmp_path / "cache" / mine.hash / "assets.parquet"
    copy.write_bytes(copy.read_bytes()[:-9])
    assert opened() == ["assets.parquet", "manifest.json"]
    monkeypatch.setenv("TRADEWIND_CACHE_BYTES", "10")
    copy.unlink()
    assert opened() == ["assets.parquet", "manifest.json"]
    assert not copy.exists()
    monkeypatch.setenv("TRADEWIND_CACHE", "off")
    assert "splits.parquet" in opened()


def test_pushing_again_copies_only_what_is_new(mine: Bundle, folder, store) -> None:
    push(mine, "b/mine", store)
    again = push(mine, "b/mine", store)
    assert (again.version, again.copied) == ("1", False)
    second = appended(folder)
    assert push(second, "b/mine", store).version == "2"
    assert open_bundle("b/mine", filesystem=store).hash == second.hash
    assert open_bundle("b/mine/1", filesystem=store).hash == mine.hash


def test_a_push_that_is_cut_off_shows_nothing(mine: Bundle, store, monkeypatch) -> None:
    class Cut(Exception):
        pass

    def cut(self: RemotePath, target: RemotePath) -> None:
        raise Cut

    with monkeypatch.context() as m:
        m.setattr(RemotePath, "rename", cut)
        with pytest.raises(Cut):
            push(mine, "b/mine", store)
    with pytest.raises(BundleCorrupt, match=r"manifest\.json is missing"):
        open_bundle("b/mine", filesystem=store)
    assert push(mine, "b/mine", store).version == "2"
    open_bundle("b/mine", filesystem=store).verify()


def test_two_pushes_at_once_take_a_number_each(mine: Bundle, folder, store, monkeypatch) -> None:
    monkeypatch.setattr(publish, "PAUSE", 0.02)
    second, start = appended(folder), Barrier(2)

    def one(bundle: Bundle) -> str:
        start.wait()
        return push(bundle, "b/mine", store).version

    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(one, [open_bundle("mine@1"), second]))
    assert len(set(versions)) == 2
    for version, bundle in zip(versions, (mine, second), strict=True):
        far = open_bundle(f"b/mine/{version}", filesystem=store)
        far.verify()
        assert far.hash == bundle.hash


def test_a_claim_of_another_is_respected(mine: Bundle, store, monkeypatch) -> None:
    """Another push writes its claim in the instant between ours and our look."""
    monkeypatch.setattr(publish, "PAUSE", 0.0)
    others, write = [], RemotePath.write_bytes

    def writes(self: RemotePath, data: bytes) -> None:
        write(self, data)
        if ".claim-" in self.name and not others:
            others.append(self.parent / ".claim-other")
            write(others[0], b"")

    monkeypatch.setattr(RemotePath, "write_bytes", writes)
    made = push(mine, "b/mine", store)
    assert others[0].parent.name == "1"
    assert made.version == "2"


def damaged(mine: Bundle, file: str) -> None:
    path = mine.folder / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_damage_is_not_pushed(mine: Bundle, store) -> None:
    damaged(mine, "bars/1d/2020.parquet")
    with pytest.raises(BundleCorrupt, match=r"bars/1d/2020\.parquet has SHA-256"):
        push(mine, "b/mine", store)
    with pytest.raises(BundleCorrupt, match=r"manifest\.json is missing"):
        open_bundle("b/mine", filesystem=store)


@pytest.mark.parametrize("file", ["bars/1d/2020.parquet", "assets.parquet", "datasets/facts.parquet"])
def test_damage_and_loss_elsewhere_are_named(mine: Bundle, store, file: str) -> None:
    push(mine, "b/mine", store)
    far = place_of(f"b/mine/1/{file}", store)
    data = far.read_bytes()
    far.write_bytes(data[:-30])
    bundle = open_bundle("b/mine", filesystem=store)
    for read in (bundle.verify, lambda: answers(bundle), lambda: pull(bundle, "copy")):
        with pytest.raises(BundleCorrupt) as e:
            read()
        assert e.value.file == file
    far.unlink()
    with pytest.raises(BundleCorrupt, match="is missing"):
        answers(open_bundle("b/mine", filesystem=store))
    with pytest.raises(BundleNotFound):
        open_bundle("copy")


def test_a_pulled_bundle_is_the_same(mine: Bundle, folder, store) -> None:
    push(mine, "b/mine", store)
    far = open_bundle("b/mine", filesystem=store)
    made = pull(far, "copy")
    assert made.version == "1"
    copy = open_bundle("copy")
    copy.verify()
    assert_same(mine, copy)
    for path in mine.folder.rglob("*.*"):
        assert path.read_bytes() == (copy.folder / path.relative_to(mine.folder)).read_bytes()
    assert pull(far, "copy").version == "1"
    push(appended(folder), "b/mine", store)
    assert pull(open_bundle("b/mine", filesystem=store), "copy").version == "2"


class Refusing(fs.LocalFileSystem):
    """A filesystem that answers as a store without credentials does."""

    type_name = "refusing"

    def get_file_info(self, paths: object) -> object:
        raise OSError("AWS Error ACCESS_DENIED during HeadObject operation")

    def open_input_file(self, path: object) -> object:
        raise OSError("AWS Error ACCESS_DENIED during GetObject operation")


def test_a_store_that_refuses_is_named() -> None:
    with pytest.raises(PlaceUnreachable, match=r"bucket/mine cannot be reached: AWS Error ACCESS_DENIED.*credentials"):
        open_bundle("bucket/mine", filesystem=Refusing())


@pytest.mark.parametrize(
    ("address", "says"),
    [("gopher://b/x", "gopher"), ("s3://b/a b/x", "cannot be reached: Cannot parse URI.*AWS_ACCESS_KEY_ID")],
)
def test_addresses_that_cannot_be_read(address: str, says: str) -> None:
    with pytest.raises(PlaceUnreachable, match=says):
        open_bundle(address)


def test_bundles_are_made_on_this_machine(mine: Bundle, folder, store, monkeypatch, tmp_path: Path) -> None:
    push(mine, "b/mine", store)
    far = open_bundle("b/mine", filesystem=store)
    with pytest.raises(BadIngestRequest, match="bundles pull"):
        _ = far.folder
    with pytest.raises(BadIngestRequest, match="pushed to another filesystem"):
        push(mine, str(tmp_path / "there"))
    monkeypatch.setenv("TRADEWIND_ROOT", "s3://bucket/tw")
    with pytest.raises(BadIngestRequest, match="bundles push"):
        ingest_folder(folder.path, "mine", calendar="24/7")


def test_a_file_address_is_a_path(mine: Bundle) -> None:
    assert open_bundle(f"file://{mine.path}").path == mine.path
    assert open_bundle(mine.folder.parent).path == mine.path
    assert place_of("x/y", fs.LocalFileSystem()) == Path("x/y")
    assert not places.is_remote("C:\\x://y")
    assert not places.is_remote("C://y")
    assert not places.is_remote("file:///x")


# The emulator: a process of its own, so that its warnings are not the tests' errors.


@contextlib.contextmanager
def emulator(port: int, **environment: str) -> Iterator[None]:
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env={**os.environ, **environment}, **quiet) as process:
        try:
            until_it_answers(process, port)
            yield
        finally:
            process.terminate()


def until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert process.poll() is None, "the emulator did not start"
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the emulator does not answer")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def lead_to(port: int, monkeypatch) -> None:
    """The environment of a user of the emulator."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")


@pytest.fixture
def s3(monkeypatch) -> Iterator[str]:
    """host:port of an S3 emulator with the bucket ``tradewind``; the environment leads there."""
    port = free_port()
    lead_to(port, monkeypatch)
    with emulator(port):
        address = {"endpoint_override": f"127.0.0.1:{port}", "scheme": "http", "region": "us-east-1"}
        fs.S3FileSystem(allow_bucket_creation=True, **address).create_dir("tradewind")
        yield f"127.0.0.1:{port}"


ALGORITHM = """
from tradewind.api import order, record, symbol

def handle_data(context, data):
    order(symbol("A"), 1)
    record(mean=data.history(symbol("A"), "price", 5, "1d").mean())
"""


@pytest.mark.slow
def test_s3_from_push_to_run(mine: Bundle, s3: str, monkeypatch, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bundles", "push", "mine", "s3://tradewind/bundles/mine"])
    assert done.exit_code == 0, done.output
    assert "s3://tradewind/bundles/mine/1" in done.output
    far = open_bundle("s3://tradewind/bundles/mine")
    far.verify()
    assert_same(mine, far)
    given = fs.S3FileSystem(endpoint_override=s3, scheme="http", region="us-east-1")
    assert open_bundle("tradewind/bundles/mine", filesystem=given).hash == mine.hash
    (tmp_path / "algo.py").write_text(ALGORITHM)
    for name, bundle in (("far", "s3://tradewind/bundles/mine"), ("near", "mine")):
        words = ["run", str(tmp_path / "algo.py"), "-b", bundle, "-s", "2020-02-01", "-o", str(tmp_path / name)]
        ran = CliRunner().invoke(cli, words)
        assert ran.exit_code == 0, ran.output
    tables = [path.name for path in (tmp_path / "near").glob("*.parquet") if path.name != "timing.parquet"]
    assert len(tables) > 3
    for table in tables:
        near, there = (tmp_path / place / table for place in ("near", "far"))
        assert near.read_bytes() == there.read_bytes(), table
    done = CliRunner().invoke(cli, ["bundles", "pull", "s3://tradewind/bundles/mine", "--name", "copy"])
    assert done.exit_code == 0, done.output
    assert_same(mine, open_bundle("copy"))
    monkeypatch.setenv("TRADEWIND_ROOT", "s3://tradewind")
    assert [b.name for b in list_bundles()] == ["demo", "mine"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    address = f"s3://tradewind/bundles/mine?endpoint_override={s3}&scheme=http"
    assert open_bundle(address).hash == mine.hash
    assert "?" not in str(open_bundle(address).path)


@pytest.mark.slow
def test_s3_damage_absence_and_silence(mine: Bundle, s3: str, monkeypatch) -> None:
    push(mine, "s3://tradewind/bundles/mine")
    far = place_of("s3://tradewind/bundles/mine/1/bars/1d/2020.parquet")
    far.write_bytes(far.read_bytes()[:-9])
    done = CliRunner().invoke(cli, ["bundles", "verify", "s3://tradewind/bundles/mine"])
    assert done.exit_code == 3
    assert "bars/1d/2020.parquet has SHA-256" in done.stderr
    for address in ("s3://tradewind/bundles/other", "s3://nobucket/mine"):
        done = CliRunner().invoke(cli, ["bundles", "show", address])
        assert done.exit_code == 3
        assert address in done.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    done = CliRunner().invoke(cli, ["bundles", "show", "s3://tradewind/bundles/mine"])
    assert done.exit_code == 3
    assert "cannot be reached" in done.stderr
    assert "AWS_ENDPOINT_URL" in done.stderr


@pytest.mark.slow
def test_s3_refuses_foreign_credentials(monkeypatch) -> None:
    port = free_port()
    lead_to(port, monkeypatch)
    with emulator(port, INITIAL_NO_AUTH_ACTION_COUNT="0"):
        done = CliRunner().invoke(cli, ["bundles", "show", "s3://tradewind/bundles/mine"])
    assert done.exit_code == 3
    assert "cannot be reached" in done.stderr
    assert "AWS_ACCESS_KEY_ID" in done.stderr
    assert "Traceback" not in done.stderr

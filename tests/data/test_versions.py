"""Versions beside each other: what differs, and the removal of old ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tradewind.cli import cli
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadIngestRequest, BundleNotFound
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.versions import FileDiff, clean, diff

WEEK = {"2019-12-31": 9.0, "2020-01-02": 10.0, "2020-01-03": 11.0, "2020-01-06": 12.0}


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def three(folder, root: Path) -> Path:
    folder.bars("A", WEEK)
    folder.bars("B", WEEK)
    ingest_folder(folder.path, "mine", calendar="24/7")
    folder.bars("B", {**dict(list(WEEK.items())[:3]), "2020-01-02": 10.5, "2020-01-07": 13.0})
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-03,1\n")
    ingest_folder(folder.path, "mine", calendar="24/7")
    ingest_folder(folder.path, "mine", calendar="24/7")
    return root / "bundles" / "mine"


def test_the_difference_of_two_versions(three: Path) -> None:
    found = diff(open_bundle("mine@1"), open_bundle("mine@2"))
    assert (found.first, found.second, found.same) == ("mine@1", "mine@2", False)
    files = {f.file: f for f in found.files}
    assert files["bars/1d/2020.parquet"] == FileDiff("bars/1d/2020.parquet", added=1, removed=1, changed=1)
    assert files["dividends.parquet"] == FileDiff("dividends.parquet", added=1, removed=0, changed=0)
    assert files["sessions.parquet"].added == 1
    assert "bars/1d/2019.parquet" not in files
    back = {f.file: f for f in diff(open_bundle("mine@2"), open_bundle("mine@1")).files}
    assert back["dividends.parquet"].removed == 1
    assert diff(open_bundle("mine@2"), open_bundle("mine@3")).files == ()
    assert diff(open_bundle("mine@2"), open_bundle("mine@3")).same


def test_the_difference_of_two_bundles_with_different_assets(three: Path, folder) -> None:
    (folder.path / "daily/B.csv").unlink()
    ingest_folder(folder.path, "other", calendar="24/7")
    files = {f.file: f for f in diff(open_bundle("mine@3"), open_bundle("other")).files}
    assert files["bars/1d/2020.parquet"].removed == 3
    assert files["assets.parquet"].removed == 1


def test_the_difference_of_datasets_and_contracts(three: Path, folder) -> None:
    facts = "symbol,asof_date,eps,words\nA,2020-01-02,1,x\nA,2020-01-03,,y\n"
    folder.write("datasets/facts.csv", facts)
    folder.write("futures.csv", "symbol,sid,root_symbol,exchange\nB,900,BB,X\n")
    ingest_folder(folder.path, "mine", calendar="24/7")
    files = {f.file: f for f in diff(open_bundle("mine@3"), open_bundle("mine")).files}
    assert files["datasets/facts.parquet"] == FileDiff("datasets/facts.parquet", added=2, removed=0, changed=0)
    assert files["futures.parquet"].added == 1
    folder.write("datasets/facts.csv", facts.replace("1,x", "1,z"))
    ingest_folder(folder.path, "mine", calendar="24/7")
    (found,) = diff(open_bundle("mine@4"), open_bundle("mine")).files
    assert found == FileDiff("datasets/facts.parquet", added=1, removed=1, changed=0)
    done = call("bundles", "diff", "mine@4", "mine", "--json")
    assert done.exit_code == 0, done.output
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-02,1\n")
    ingest_folder(folder.path, "mine", calendar="24/7")
    (found,) = diff(open_bundle("mine@4"), open_bundle("mine")).files
    assert found == FileDiff("datasets/facts.parquet", added=1, removed=2, changed=0)


def test_old_versions_go_and_the_latest_stay(three: Path) -> None:
    assert clean("mine", keep=2) == ["1"]
    assert sorted(p.name for p in three.iterdir()) == [".lock", "2", "3"]
    assert clean("mine", keep=2) == []
    assert clean("mine") == ["2"]
    open_bundle("mine").verify()
    assert open_bundle("mine").version == "3"
    with pytest.raises(BadIngestRequest, match="at least one"):
        clean("mine", keep=0)
    for name in ("mime", "../mine", "demo"):
        with pytest.raises(BundleNotFound):
            clean(name)


def test_numbers_of_removed_versions_are_not_used_again(three: Path, folder) -> None:
    clean("mine")
    assert ingest_folder(folder.path, "mine", calendar="24/7").version == "4"


def test_on_the_command_line(three: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TRADEWIND_CACHE", str(tmp_path / "cache"))
    shown = json.loads(call("bundles", "verify", "mine", "--json").stdout)
    assert shown["hash"] == open_bundle("mine").hash
    assert "are what their hashes say" in call("bundles", "verify", "mine@1").stdout
    shown = json.loads(call("bundles", "diff", "mine@1", "mine@2", "--json").stdout)
    assert {f["file"] for f in shown["files"]} >= {"bars/1d/2020.parquet", "dividends.parquet"}
    assert "bars/1d/2020.parquet" in call("bundles", "diff", "mine@1", "mine@2").stdout
    assert "the same data" in call("bundles", "diff", "mine@2", "mine@3").stdout
    assert json.loads(call("bundles", "clean", "mine", "--json").stdout) == {"removed": ["1", "2"], "freed": 0}
    assert "versions removed: none" in call("bundles", "clean", "mine").stdout
    assert call("bundles", "clean", "--cache").stdout == "0 bytes of cache removed\n"
    for words in (("clean",), ("clean", "mine", "--cache")):
        assert call("bundles", *words).exit_code == 2
    (three / "3" / "splits.parquet").write_bytes(b"")
    broken = call("bundles", "verify", "mine")
    assert broken.exit_code == 3
    assert "splits.parquet" in broken.stderr


def test_appending_on_the_command_line(three: Path, folder) -> None:
    done = call("ingest", "folder", folder.path, "--name", "mine", "--append", "--json")
    assert json.loads(done.stdout)["version"] == "3"
    folder.bars("C", WEEK)
    done = call("ingest", "folder", folder.path, "--name", "mine", "--append", "--json")
    assert json.loads(done.stdout)["version"] == "4"
    assert call("ingest", "folder", folder.path, "--name", "new", "--append").exit_code == 3

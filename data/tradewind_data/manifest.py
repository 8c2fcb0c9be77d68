"""The manifest of a bundle: what it holds, and the hashes by which it can be checked.

    content hash of a table   SHA-256 of its names, kinds and values (tables.digest)
    content hash of a bundle  SHA-256 of the canonical JSON of
                              {schema version, calendar, currency, span, table → content hash}

The bundle's hash names the data, not the file bytes: the name of the bundle, the order of ingestion and the version of
the Parquet library do not enter. Each file also has the SHA-256 of its bytes, by which ``Bundle.verify`` finds damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tradewind_data.errors import BundleCorrupt
from tradewind_data.places import Place
from tradewind_data.schema import FORMAT, MANIFEST, SCHEMA_VERSION


@dataclass(frozen=True)
class FileFacts:
    """One file: sha256 of its bytes, content hash of its values ("" = not data), bytes, rows."""

    sha256: str
    content: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    name; calendar (exchange_calendars name); currency (ISO 4217); first_session, last_session (ISO dates of the first
    and last bar); assets (number); frequencies; source (how it was made, free text); files: path relative to the
    bundle → FileFacts; content_hash; grade of the data (ingest/quality.py), "" when nobody looked.
    """

    name: str
    calendar: str
    currency: str
    first_session: str
    last_session: str
    assets: int
    frequencies: tuple[str, ...]
    source: str
    files: Mapping[str, FileFacts]
    content_hash: str
    grade: str = ""
    format: str = FORMAT
    schema_version: int = SCHEMA_VERSION

    @property
    def rows(self) -> int:
        """Rows of all bar files: cells of the grids, traded or not."""
        return sum(f.rows for path, f in self.files.items() if path.startswith("bars/"))

    @property
    def computed_hash(self) -> str:
        """The content hash that follows from the facts and tables listed."""
        contents = {path: facts.content for path, facts in self.files.items() if facts.content}
        return content_hash(self.calendar, self.currency, (self.first_session, self.last_session), contents)

    def text(self) -> str:
        """The manifest as JSON, keys sorted, one line an entry, ending in a newline."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def content_hash(calendar: str, currency: str, span: tuple[str, str], contents: Mapping[str, str]) -> str:
    """The bundle's hash (64 hex digits) from its facts and the content hash of every table by path."""
    facts = {
        "schema_version": SCHEMA_VERSION,
        "calendar": calendar,
        "currency": currency,
        "span": list(span),
        "tables": dict(contents),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def file_sha256(path: Place) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Place, bundle: str) -> Manifest:
    """The manifest of a bundle folder. BundleCorrupt when it is unreadable, foreign, or of another schema version."""
    try:
        facts: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if facts.get("format") != FORMAT:
            raise BundleCorrupt(bundle, MANIFEST, f"is not of a tradewind bundle (format {facts.get('format')!r})")
        if facts.get("schema_version") != SCHEMA_VERSION:
            found = facts.get("schema_version")
            raise BundleCorrupt(
                bundle, MANIFEST, f"has schema version {found!r}, this tradewind reads {SCHEMA_VERSION}"
            )
        files = {path: FileFacts(**f) for path, f in facts.pop("files").items()}
        return Manifest(**{**facts, "files": files, "frequencies": tuple(facts["frequencies"])})
    except FileNotFoundError:
        raise BundleCorrupt(bundle, MANIFEST, "is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise BundleCorrupt(bundle, MANIFEST, f"is not a readable manifest ({type(e).__name__}: {e})") from e

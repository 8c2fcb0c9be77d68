"""The errors of the data room: objects that carry the facts, with one sentence made from them.

    DataError
    ├── BundleNotFound        no bundle of that name, or no such version
    ├── BundleCorrupt         a file of a bundle is missing, foreign or changed
    ├── PlaceUnreachable      a store elsewhere does not answer, or refuses
    ├── SymbolNotFound        no asset bears the symbol (at that date)
    ├── SidNotFound           no asset has the sid
    ├── ForeignAsset          an asset of another bundle
    ├── SessionOutOfBounds    a date or a window outside the stored sessions
    ├── FieldNotFound         bars have no such field
    ├── FrequencyNotFound     the bundle has no bars of that frequency
    ├── DatasetNotFound       the bundle has no such dataset or classification scheme
    ├── SliceNotNamed         a dataset with key columns was asked without naming a value of each
    ├── CalendarNotFound      no exchange calendar of that name, or not for those dates
    ├── BadInputFile          a row of an input file breaks a rule
    ├── BadIngestRequest      what was asked of an ingest cannot be done
    └── BundleNotWritten      the disk refused a new version; the earlier ones are as they were

Every sentence names what was found, the bound, and the next move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known names closest to ``name`` as a clause, ``""`` when none is near (difflib ratio ≥ 0.6)."""
    by_folded = {k.casefold(): k for k in known}
    near = get_close_matches(name.casefold(), by_folded, n=3)
    return f" Did you mean {' or '.join(by_folded[n] for n in near)}?" if near else ""


def listed(names: Iterable[str], limit: int = 10) -> str:
    """``a, b, c`` in the given order, cut after ``limit`` names with the number left out; ``none`` when empty."""
    names = list(names)
    tail = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + tail if names else "none"


class DataError(Exception):
    """Base of every error about market data. The message is complete; the facts are attributes."""


class BundleNotFound(DataError):
    """No bundle of that name (or version).

    Attributes: name, version (or None), root, known (sorted names or versions).
    """

    def __init__(self, name: str, root: str, known: Iterable[str], version: str | None = None) -> None:
        self.name, self.root, self.version, self.known = name, root, version, tuple(known)
        if version is None:
            what = f"There is no bundle {name!r} under {root}; known bundles: {listed(self.known)}."
        else:
            what = f"Bundle {name!r} has no version {version!r}; versions: {listed(self.known)}."
        move = " `tradewind ingest folder PATH --name NAME` makes one." if version is None else ""
        super().__init__(what + did_you_mean(name if version is None else version, self.known) + move)


class BundleCorrupt(DataError):
    """A bundle's file is missing, foreign or changed. Attributes: bundle, file, problem."""

    def __init__(self, bundle: str, file: str, problem: str) -> None:
        self.bundle, self.file, self.problem = bundle, file, problem
        super().__init__(
            f"Bundle {bundle!r} cannot be trusted: {file} {problem}. Ingest it again, or restore the file."
        )


class PlaceUnreachable(DataError):
    """A store elsewhere does not answer, or refuses. Attributes: place, reason (as the store's library tells it)."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        scheme = place.partition("://")[0] if "://" in place else ""
        move = {
            "s3": "the credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE), the region "
            "(AWS_DEFAULT_REGION) and, for a store that is not Amazon's, the endpoint (AWS_ENDPOINT_URL)",
        }.get(scheme, "the address and the credentials, or pass filesystem=")
        super().__init__(f"{place} cannot be reached: {reason.rstrip('.')}. Check {move}.")


class SymbolNotFound(DataError):
    """No asset bears the symbol at the date. Attributes: symbol, as_of (ISO date or None), bundle, detail."""

    def __init__(
        self, symbol: str, bundle: str, known: Iterable[str], as_of: str | None = None, detail: str = ""
    ) -> None:
        self.symbol, self.bundle, self.as_of, self.detail = symbol, bundle, as_of, detail
        when = f" as of {as_of}" if as_of else ""
        known = sorted(known)
        hint = detail or did_you_mean(symbol, known) or f" Its symbols: {listed(known)}."
        super().__init__(f"Bundle {bundle!r} has no asset with the symbol {symbol!r}{when}.{hint}")


class SidNotFound(DataError):
    """No asset has the sid. Attributes: sid, bundle."""

    def __init__(self, sid: int, bundle: str, known: Iterable[int]) -> None:
        self.sid, self.bundle = sid, bundle
        sids = listed(str(k) for k in known)
        super().__init__(f"Bundle {bundle!r} has no asset with the sid {sid}. Its sids: {sids}.")


class ForeignAsset(DataError):
    """An asset that is not of this bundle. Attributes: asset, bundle."""

    def __init__(self, asset: object, bundle: str) -> None:
        self.asset, self.bundle = asset, bundle
        super().__init__(
            f"{asset!r} is not an asset of bundle {bundle!r}: look it up there, with symbol(...) or sid(...)."
        )


class SessionOutOfBounds(DataError):
    """A date that is no stored session, or a window that leaves them.

    Attributes: value, first, last (ISO dates), problem.
    """

    def __init__(self, value: str, first: str, last: str, problem: str) -> None:
        self.value, self.first, self.last, self.problem = value, first, last, problem
        super().__init__(f"{value} {problem}")


class FieldNotFound(DataError):
    """Bars have no such field. Attributes: field, known."""

    def __init__(self, field: str, known: Iterable[str]) -> None:
        self.field, self.known = field, tuple(known)
        super().__init__(
            f"Bars have no field {field!r}; fields: {listed(self.known)}.{did_you_mean(field, self.known)}"
        )


class FrequencyNotFound(DataError):
    """The bundle has no bars of that frequency. Attributes: frequency, bundle, known."""

    def __init__(self, frequency: str, bundle: str, known: Iterable[str]) -> None:
        self.frequency, self.bundle, self.known = frequency, bundle, tuple(known)
        super().__init__(f"Bundle {bundle!r} has no {frequency!r} bars; it has: {listed(self.known)}.")


class DatasetNotFound(DataError):
    """The bundle has no such dataset, column or scheme. Attributes: name, bundle, known."""

    def __init__(self, name: str, bundle: str, known: Iterable[str], kind: str = "dataset") -> None:
        self.name, self.bundle, self.known = name, bundle, tuple(known)
        found = f"Bundle {bundle!r} has no {kind} {name!r}; its {kind}s: {listed(self.known)}."
        super().__init__(found + did_you_mean(name, self.known))


class SliceNotNamed(DataError):
    """A dataset with key columns was asked without a known value of each. Attributes: dataset, bundle, known, found."""

    def __init__(
        self, dataset: str, bundle: str, known: Mapping[str, tuple[str, ...]], found: Mapping[str, str]
    ) -> None:
        self.dataset, self.bundle, self.known, self.found = dataset, bundle, dict(known), dict(found)
        keys = "; ".join(f"{key}: {listed(values)}" for key, values in known.items()) or "none"
        told = listed(f"{key}={value!r}" for key, value in found.items())
        super().__init__(
            f"Dataset {dataset!r} of bundle {bundle!r} is sliced by its keys ({keys}), but told was {told}. "
            "Name one value of each key."
        )


class CalendarNotFound(DataError):
    """No exchange calendar of that name, or not for those dates. Attributes: calendar, detail."""

    def __init__(self, calendar: str, known: Iterable[str] = (), detail: str = "") -> None:
        self.calendar, self.detail = calendar, detail
        hint = did_you_mean(calendar, known) or " XNYS, XNAS, XLON and 24/7 are among the known ones."
        super().__init__(f"Calendar {calendar!r} {detail}." if detail else f"There is no calendar {calendar!r}.{hint}")


class BadInputFile(DataError):
    """A row of an input file breaks a rule.

    Attributes: file (as given, relative to the ingested folder), row (1-based line of a CSV, 1-based row of a Parquet
    file; None when the whole file is meant), column (or None), value (as found; None when there is none), rule, move.
    """

    def __init__(
        self,
        file: str,
        rule: str,
        move: str,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.file, self.row, self.column, self.value, self.rule, self.move = file, row, column, value, rule, move
        where = file + (f", line {row}" if row is not None else "") + (f", column {column}" if column else "")
        found = f": found {value!r}" if value is not None else ""
        end = "" if rule.endswith("?") else "."
        super().__init__(f"{where}{found}: {rule}{end} {move}.")


class BadIngestRequest(DataError):
    """What was asked of an ingest cannot be done. Attributes: parameter, value."""

    def __init__(self, parameter: str, value: object, rule: str) -> None:
        self.parameter, self.value, self.rule = parameter, value, rule
        super().__init__(f"{parameter} = {str(value)!r}: {rule}.")


class BundleNotWritten(DataError):
    """The disk refused a new version; earlier versions are as they were. Attributes: bundle, root, reason."""

    def __init__(self, bundle: str, root: str, reason: str) -> None:
        self.bundle, self.root, self.reason = bundle, root, reason
        move = "Make room or set TRADEWIND_ROOT to a folder that can be written; earlier versions are untouched."
        super().__init__(f"Bundle {bundle!r} could not be written under {root}: {reason}. {move}")

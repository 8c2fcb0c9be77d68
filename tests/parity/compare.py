"""Compare two plain results field by field."""

from tests.parity import plain

TOLERANCE = 1e-9


def same(a, b, scale=0.0):
    """Whether two plain values agree: numbers to TOLERANCE, everything else exactly."""
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or isinstance(b, str):
        return a == b
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) + scale


def differences(ours, theirs, capital):
    """Every disagreement as (table, session, field, ours, theirs), and the number of values compared."""
    found, count = [], 0
    for place, a, b, scale in _pairs(ours, theirs, capital):
        count += 1
        if not same(a, b, scale):
            found.append((*place, a, b))
    return found, count


def _pairs(ours, theirs, capital):
    yield ("market", "", ""), ours["market"], theirs["market"], 0.0
    yield ("sessions", "", ""), str(ours["sessions"]), str(theirs["sessions"]), 0.0
    yield from _walk(("raised", "", ""), ours.get("raised", {}), theirs.get("raised", {}))
    for group in ("perf", "recorded"):
        yield from _columns(group, ours, theirs, capital)
    for name, column in theirs.get("minutes", {}).items():
        scale = capital * 1e-12 if name in plain.MONEY else 1e-12
        for at, a, b in zip(theirs["minutes"]["time"], ours["minutes"][name], column, strict=True):
            yield ("minutes", at, name), a, b, scale
    for group in ("orders", "transactions", "positions"):
        yield from _records(group, ours, theirs)
    for name in sorted({*ours["probes"], *theirs["probes"]}):
        yield from _walk(("probes", name, ""), ours["probes"].get(name), theirs["probes"].get(name))


def _columns(group, ours, theirs, capital):
    for name, column in theirs[group].items():
        mine = ours[group].get(name)
        if mine is None:
            yield (group, "", name), "missing", "present", 0.0
            continue
        # What is near 0 is a difference of large numbers: its last digits are rounding.
        scale = capital * 1e-12 if name in plain.MONEY else 1e-12
        for session, a, b in zip(theirs["sessions"], mine, column, strict=True):
            yield (group, session, name), a, b, scale


def _records(group, ours, theirs):
    for session, a, b in zip(theirs["sessions"], ours[group], theirs[group], strict=True):
        keys = ("sid", "id", "order_id")
        names = [[tuple(row.get(key) for key in keys) for row in rows] for rows in (a, b)]
        if names[0] != names[1]:
            yield (group, session, "rows"), str(names[0]), str(names[1]), 0.0
            continue
        for x, y in zip(a, b, strict=True):
            for key in y:
                yield (group, session, key), x.get(key, "missing"), y[key], 0.0


def _walk(place, a, b):
    if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        for key in a:
            yield from _walk((place[0], place[1], f"{place[2]}/{key}"), a[key], b[key])
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _walk((place[0], place[1], f"{place[2]}/{i}"), x, y)
    elif isinstance(a, (dict, list)) or isinstance(b, (dict, list)):
        yield place, str(a), str(b), 0.0
    else:
        yield place, "missing" if a is None else a, "missing" if b is None else b, 1e-13

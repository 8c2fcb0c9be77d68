"""The house stands as drawn: imports run downhill, no room imports its neighbour, there are no cycles."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "tradewind": ROOT / "framework/tradewind",
    "tradewind_optimize": ROOT / "optimize/tradewind_optimize",
    "tradewind_data": ROOT / "data/tradewind_data",
}
MAY_IMPORT = {
    "tradewind": {"tradewind", "tradewind_optimize", "tradewind_data"},
    "tradewind_optimize": {"tradewind_optimize"},
    "tradewind_data": {"tradewind_data"},
}
FLOORS = [
    "errors wording sizing",
    "semantics times amounts kernels matching metrics tables coarse stored_closes",
    "contract_costs orders portfolio clock schedule cancel_policy restrictions story fill_rules bar_data log packets "
    "runfiles",
    "continuous prices mergers guards slippage commission controls capital financing margin ledger result recorded",
    "blotter contest minute_prices settings",
    "filling recorder margin_desk order_pad",
    "rebalance verbs",
    "algorithm report",
    "simulator api",
    "compat",
    "run",
    "service",
    "terminal exits cli_options",
    "cli_data",
    "cli",
    "__main__",
]
FACES = {"", "optimize", "data"}  # re-exports: they stand outside the floors, and nothing inside imports them
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
ONLY_USER = {"exchange_calendars": {"tradewind_data.sessions"}}


def modules():
    """Every module's dotted name and path."""
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield ".".join((package, *parts)), path


MODULES = dict(modules())


def imports_of(name):
    """The modules a module imports, anywhere in it, type checking apart."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [package if node.level else "", node.module or ""]))
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.add(full if full in MODULES else base)
    return found


def room_of(name):
    """The room of a tradewind module: its first part below the package."""
    return [*name.split("."), ""][1]


def test_every_module_has_a_floor():
    rooms = {room_of(name) for name in MODULES if name.split(".")[0] == "tradewind"}
    assert rooms - FACES == set(FLOOR_OF)


@pytest.mark.parametrize("name", MODULES)
def test_imports_stay_inside_what_the_package_may_see(name):
    own = name.split(".")[0]
    for imported in imports_of(name):
        root = imported.split(".")[0]
        if root in PACKAGES:
            assert root in MAY_IMPORT[own], f"{name} imports {imported}"
        if imported in ONLY_USER:
            assert name in ONLY_USER[imported], f"{name} imports {imported}"


@pytest.mark.parametrize("name", [n for n in MODULES if n.split(".")[0] == "tradewind" and room_of(n) not in FACES])
def test_imports_run_downhill(name):
    room = room_of(name)
    for imported in imports_of(name):
        if imported.split(".")[0] != "tradewind" or imported == "tradewind":
            continue
        other = room_of(imported)
        assert other not in FACES, f"{name} imports the face {imported}; import from the defining module"
        below = FLOOR_OF[other] < FLOOR_OF[room]
        assert below or other == room, f"{name} (floor {FLOOR_OF[room]}) imports {imported} (floor {FLOOR_OF[other]})"


def test_no_cycles():
    graph = {name: {i for i in imports_of(name) if i in MODULES and i != name} for name in MODULES}
    done, path = set(), []

    def visit(name):
        assert name not in path, "cycle: " + " → ".join([*path[path.index(name) :], name])
        if name not in done:
            path.append(name)
            for imported in sorted(graph[name]):
                visit(imported)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


def test_there_is_no_room_without_a_name():
    assert not [name for name in MODULES if name.rpartition(".")[2] in {"utils", "util", "helpers", "common", "misc"}]


def test_the_peers_name_stands_only_where_it_belongs():
    """No loop, kernel or model asks which engine it imitates: the word stands in semantics.py and compat alone."""
    allowed = {"semantics", "compat"}
    for name, path in MODULES.items():
        if name.split(".")[0] == "tradewind" and room_of(name) in allowed:
            continue
        code = ast.parse(path.read_text(encoding="utf-8"))
        strings = [n.value for n in ast.walk(code) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert not [s for s in strings if s == "zipline"], name


def test_the_page_of_the_architecture_draws_the_same_floors():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = [
        line.split("|")[2]
        for line in page.splitlines()
        if line.startswith("| ") and line.split("|")[1].strip().isdigit()
    ]
    drawn = [set(re.findall(r"[a-z_]+", re.sub(r"\([^)]*\)", "", row))) for row in rows]
    top = drawn.pop() - {"and", "on", "top", "of", "it"}
    assert [*drawn, top - {"__main__"}, {"__main__"} & top] == [set(rooms.split()) for rooms in FLOORS]

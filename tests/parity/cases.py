"""The algorithm texts and what each runs on, read from constants at their heads."""

import ast
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("algorithms")
EXPECTED = Path(__file__).with_name("expected")


@dataclass(frozen=True)
class Case:
    """One text on one market, from start to end, with the names it records; "daily" or "minute" bars and packets."""

    name: str
    text: str
    market: str
    start: str
    end: str
    capital: float
    records: tuple
    frequency: str
    emission: str
    ends: bool  # whether an error ends the run: then the sessions before it are compared, and the error

    @property
    def moment(self):
        """How the moments of this text's probes are written."""
        return "%Y-%m-%d %H:%M" if self.frequency == "minute" else "%Y-%m-%d"


def _constants(text):
    """The capital-letter constants assigned at the head of a text."""
    found = {"MARKETS": ["actions"], "START": "2020-10-20", "END": "2021-06-25", "CAPITAL": 1_000_000.0, "RECORDS": []}
    found["FREQUENCY"] = found["EMISSION"] = "daily"
    found["ENDS"] = False
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in found:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def all_cases():
    """Every text on each of its markets; a text on several is named text-market."""
    made = []
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        head = _constants(text)
        for market in head["MARKETS"]:
            name = path.stem if len(head["MARKETS"]) == 1 else f"{path.stem}-{market}"
            span, capital = (head["START"], head["END"]), float(head["CAPITAL"])
            more = (tuple(head["RECORDS"]), head["FREQUENCY"], head["EMISSION"], head["ENDS"])
            made.append(Case(name, text, market, *span, capital, *more))
    return made

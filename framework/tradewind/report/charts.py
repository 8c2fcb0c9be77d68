"""The charts of a report: figures over one shared source of daily columns, in one document, with the colours named.

`Charts` collects figures and, for each model in them, which property takes which colour of the palette; the page's
script repaints them when the theme changes. Nothing is sampled: each line has one point a session (float32, which a
screen cannot tell from float64).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewind.report.style import LIGHT
from tradewind.report.wire import Model, document, expression, field, mapping, value

DAILY = "t"
FONT = "system-ui, sans-serif"
DASHES: Mapping[str, list[int]] = {"solid": [], "dashed": [6], "dotted": [2, 4]}
DAY_MS = 86_400_000.0


class Charts:
    """The figures of one report; `add_*` draw, `embed` answers what the page holds.

    `columns` are daily float arrays (session order); every line names one of them.
    """

    def __init__(self, sessions: pd.Index, columns: Mapping[str, Any]) -> None:
        times = _milliseconds(sessions)
        data = {name: np.asarray(column, dtype=np.float32) for name, column in columns.items()}
        self._source = _source({DAILY: times, **data})
        margin = max(DAY_MS, 0.01 * float(np.ptp(times))) if len(times) else 0.0
        ends = [float(times[0]) - margin, float(times[-1]) + margin] if len(times) else [0.0, 1.0]
        self._range = Model("Range1d", start=ends[0], end=ends[1], bounds=ends)
        self._figures: dict[str, Model] = {}
        self._paint: list[tuple[Model, dict[str, str]]] = []

    def _coloured(self, model: Model, **colours: str) -> Model:
        """Give properties their light colour now and remember the names for repainting."""
        model.attributes.update({name: LIGHT[colour] for name, colour in colours.items()})
        self._paint.append((model, colours))
        return model

    def _figure(self, name: str, height: int, numbers: str, *, log: bool = False, keys: Sequence[str] = ()) -> Model:
        """An empty figure: time below, or the `keys` one unit apart; numbers at the left."""
        number = self._axis("LogAxis" if log else "LinearAxis", formatter=Model("NumeralTickFormatter", format=numbers))
        below = self._named_axis(keys) if keys else self._axis("DatetimeAxis")
        grid = self._coloured(Model("Grid", dimension=1, axis=number), grid_line_color="grid")
        figure = Model(
            "Figure",
            name=name,
            height=height,
            sizing_mode="stretch_width",
            x_range=Model("Range1d", start=-0.6, end=len(keys) - 0.4) if keys else self._range,
            y_range=Model("DataRange1d"),
            x_scale=Model("LinearScale"),
            y_scale=Model("LogScale" if log else "LinearScale"),
            left=[number],
            below=[below],
            above=[],
            center=[grid],
            renderers=[],
            toolbar=_toolbar(),
            background_fill_color=None,
            border_fill_color=None,
            outline_line_color=None,
            min_border=4,
            min_border_left=62,
            min_border_right=24,
        )
        self._figures[name] = figure
        return figure

    def _axis(self, kind: str, **attributes: Any) -> Model:
        off = {"axis_line_color": None, "minor_tick_line_color": None, "major_tick_line_color": None}
        font = {"major_label_text_font_size": "12px", "major_label_text_font": FONT}
        return self._coloured(Model(kind, **off, **font, **attributes), major_label_text_color="soft")

    def _named_axis(self, keys: Sequence[str]) -> Model:
        ticker = Model("FixedTicker", ticks=list(range(len(keys))))
        return self._axis("LinearAxis", ticker=ticker, major_label_overrides=mapping(dict(enumerate(keys))))

    def _draw(self, figure: Model, source: Model, glyph: Model, **colours: str) -> Model:
        renderer = Model("GlyphRenderer", data_source=source, glyph=self._coloured(glyph, **colours))
        figure.attributes["renderers"].append(renderer)
        return renderer

    def _line(self, figure: Model, column: str, colour: str, dash: str = "solid", width: float = 1.6) -> Model:
        glyph = Model("Line", x=field(DAILY), y=field(column), line_width=width, line_join="round")
        glyph.attributes["line_dash"] = DASHES[dash]
        return self._draw(figure, self._source, glyph, line_color=colour)

    def _legend(self, figure: Model, drawn: Sequence[tuple[str, list[Model]]]) -> None:
        if len(drawn) < 2:
            return
        items = [Model("LegendItem", label=value(label), renderers=renderers) for label, renderers in drawn]
        legend = Model(
            "Legend",
            items=items,
            orientation="horizontal",
            ncols=5,
            padding=0,
            spacing=18,
            margin=6,
            glyph_width=18,
            background_fill_color=None,
            border_line_color=None,
            label_text_font=FONT,
            label_text_font_size="12.5px",
        )
        figure.attributes["above"].append(self._coloured(legend, label_text_color="ink"))

    def _zero(self, figure: Model) -> None:
        level = Model("Span", location=0.0, dimension="width", line_width=1, level="underlay")
        figure.attributes["center"].append(self._coloured(level, line_color="soft"))

    def add_lines(
        self,
        name: str,
        lines: Mapping[str, tuple[str, str, str]],
        *,
        height: int = 300,
        numbers: str = "0%",
        detail: str = "0.00%",
        log: bool = False,
        zero: bool = False,
    ) -> None:
        """A figure of daily lines: column → (label, colour, dash); `zero` marks the level 0."""
        figure = self._figure(name, height, numbers, log=log)
        drawn = [(label, [self._line(figure, column, colour, dash)]) for column, (label, colour, dash) in lines.items()]
        self._legend(figure, drawn)
        _hover(figure, {column: label for column, (label, _, _) in lines.items()}, detail, drawn[0][1][0])
        if zero:
            self._zero(figure)

    def add_area(self, name: str, column: str, label: str, colour: str, *, height: int = 220) -> None:
        """A figure of one daily column filled to 0."""
        figure = self._figure(name, height, "0%")
        area = Model("VArea", x=field(DAILY), y1=value(0.0), y2=field(column), fill_alpha=0.25)
        self._draw(figure, self._source, area, fill_color=colour)
        _hover(figure, {column: label}, "0.00%", self._line(figure, column, colour, width=1.2))

    def add_stack(self, name: str, columns: Mapping[str, tuple[str, str]], *, height: int = 320) -> None:
        """Long weights stacked up from 0, short ones down: column → (label, colour); reads `column+` and `column-`."""
        figure = self._figure(name, height, "0%")
        drawn: dict[str, list[Model]] = {column: [] for column in columns}
        for side in "+-":
            below: list[str] = []
            for column, (_, colour) in columns.items():
                upto = [*below, f"{column}{side}"]
                low, high = (expression(Model("Stack", fields=fields)) for fields in (below, upto))
                area = Model("VArea", x=field(DAILY), y1=low, y2=high, fill_alpha=0.85)
                drawn[column].append(self._draw(figure, self._source, area, fill_color=colour))
                below = upto
        self._legend(figure, [(label, drawn[column]) for column, (label, _) in columns.items()])
        self._zero(figure)

    def add_bars(
        self, name: str, keys: Sequence[str], groups: Mapping[str, tuple[str, Any]], *, height: int = 240
    ) -> None:
        """Bars side by side for each key: label → (colour, values)."""
        figure = self._figure(name, height, "0%", keys=keys)
        width, drawn = 0.8 / len(groups), []
        for i, (label, (colour, values)) in enumerate(groups.items()):
            x = np.arange(len(keys)) + (i - (len(groups) - 1) / 2) * width
            source = _source({"x": x, "y": np.asarray(values, dtype=np.float64)})
            bar = Model("VBar", x=field("x"), top=field("y"), width=value(width * 0.92), line_color=value(None))
            drawn.append((label, [self._draw(figure, source, bar, fill_color=colour)]))
        self._legend(figure, drawn)
        self._zero(figure)

    def add_points(self, name: str, groups: Mapping[str, tuple[str, str, Any, Any]], *, height: int = 220) -> None:
        """Points in time: label → (colour, marker, session labels, values)."""
        figure = self._figure(name, height, "0.[0000]a")
        drawn = []
        for label, (colour, marker, sessions, values) in groups.items():
            source = _source({"x": _milliseconds(sessions), "y": np.asarray(values, dtype=np.float64)})
            dot = Model(
                "Scatter", x=field("x"), y=field("y"), marker=value(marker), size=value(6), fill_alpha=value(0.6)
            )
            drawn.append((label, [self._draw(figure, source, dot, fill_color=colour, line_color=colour)]))
        self._legend(figure, drawn)

    def embed(self) -> str:
        """The document, where each figure goes (the element of its name) and the colours to repaint, as JSON."""
        document_, ids = document(list(self._figures.values()))
        places = {ids[figure]: f"chart-{name}" for name, figure in self._figures.items()}
        items = [{"docid": "report", "roots": places, "root_ids": list(places)}] if places else []
        paint = [(ids[model], colours) for model, colours in self._paint]
        parts = {"docs": {"report": document_} if places else {}, "items": items, "paint": paint}
        return json.dumps(parts, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")


def _milliseconds(sessions: Any) -> np.ndarray:
    return np.asarray(sessions).astype("datetime64[ms]").astype(np.float64)


def _source(columns: Mapping[str, np.ndarray]) -> Model:
    return Model("ColumnDataSource", data=mapping(columns))


def _toolbar() -> Model:
    zoom = Model("BoxZoomTool", dimensions="width")
    tools = [Model("PanTool", dimensions="width"), zoom, Model("ResetTool")]
    return Model("Toolbar", tools=tools, active_drag=zoom, logo=None, autohide=True)


def _hover(figure: Model, lines: Mapping[str, str], numbers: str, renderer: Model) -> None:
    """Show the day and the value of each line at the pointer."""
    rows = [["", f"@{DAILY}{{%F}}"], *([label, f"@{{{column}}}{{{numbers}}}"] for column, label in lines.items())]
    formatters = mapping({f"@{DAILY}": "datetime"})
    tool = Model("HoverTool", tooltips=rows, formatters=formatters, mode="vline", renderers=[renderer])
    figure.attributes["toolbar"].attributes["tools"].append(tool)

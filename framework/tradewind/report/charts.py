"""The charts: bokeh figures over one shared source of daily columns, in one document, with the colours named.

`Charts` collects figures and, for each model in them, which property takes which colour of the palette; the page's
script repaints them when the theme changes. Nothing is sampled: each line has one point a session (float32, which a
screen cannot tell from float64).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewind.report.style import LIGHT

DAILY = "t"


class Charts:
    """The figures of one report; `add_*` draw, `embed` answers what the page holds.

    `columns` are daily float arrays (session order); every line names one of them.
    """

    def __init__(self, sessions: pd.Index, columns: Mapping[str, Any]) -> None:
        from bokeh.models import ColumnDataSource, Range1d

        milliseconds = sessions.to_numpy().astype("datetime64[ms]").astype(np.float64)
        data = {name: np.asarray(column, dtype=np.float32) for name, column in columns.items()}
        self._source = ColumnDataSource({DAILY: milliseconds, **data})
        margin = max(86_400_000.0, 0.01 * float(np.ptp(milliseconds))) if len(milliseconds) else 1.0
        ends = (milliseconds[0] - margin, milliseconds[-1] + margin) if len(milliseconds) else (0.0, 1.0)
        self._range = Range1d(*ends, bounds=ends)
        self._figures: dict[str, Any] = {}
        self._paint: list[tuple[Any, dict[str, str]]] = []

    def _coloured(self, model: Any, **colours: str) -> None:
        """Give properties their light colour now and remember the names for repainting."""
        model.update(**{name: LIGHT[colour] for name, colour in colours.items()})
        self._paint.append((model, colours))

    def _figure(self, name: str, height: int, numbers: str, **options: Any) -> Any:
        from bokeh.models import NumeralTickFormatter
        from bokeh.plotting import figure

        if options.get("x_axis_type") == "datetime":
            options["x_range"] = self._range
        fig = figure(
            height=height,
            sizing_mode="stretch_width",
            tools="xpan,xbox_zoom,reset",
            active_drag="xbox_zoom",
            background_fill_color=None,
            border_fill_color=None,
            outline_line_color=None,
            min_border=4,
            min_border_left=62,
            min_border_right=24,
            name=name,
            **options,
        )
        fig.toolbar.logo, fig.toolbar.autohide = None, True
        fig.yaxis.formatter = NumeralTickFormatter(format=numbers)
        for axis in fig.axis:
            self._axis(axis)
        fig.xgrid.grid_line_color = None
        self._coloured(fig.ygrid[0], grid_line_color="grid")
        self._figures[name] = fig
        return fig

    def _axis(self, axis: Any) -> None:
        axis.update(axis_line_color=None, minor_tick_line_color=None, major_label_text_font_size="12px")
        axis.update(major_label_text_font="system-ui, sans-serif", major_tick_line_color=None)
        self._coloured(axis, major_label_text_color="soft")

    def _legend(self, fig: Any, lines: Sequence[tuple[str, list[Any]]]) -> None:
        from bokeh.models import Legend

        if len(lines) < 2:
            return
        legend = Legend(items=list(lines), orientation="horizontal", padding=0, spacing=18, margin=6)
        legend.update(background_fill_color=None, border_line_color=None, label_text_font_size="12.5px")
        legend.update(label_text_font="system-ui, sans-serif", glyph_width=18, ncols=5)
        self._coloured(legend, label_text_color="ink")
        fig.add_layout(legend, "above")

    def _hover(self, fig: Any, lines: Mapping[str, str], numbers: str, renderer: Any) -> None:
        from bokeh.models import HoverTool

        rows = [("", f"@{DAILY}{{%F}}"), *((label, f"@{{{column}}}{{{numbers}}}") for column, label in lines.items())]
        fig.add_tools(
            HoverTool(tooltips=rows, formatters={f"@{DAILY}": "datetime"}, mode="vline", renderers=[renderer])
        )

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
        axis = {"y_axis_type": "log"} if log else {}
        fig = self._figure(name, height, numbers, x_axis_type="datetime", **axis)
        drawn = []
        for column, (label, colour, dash) in lines.items():
            line = fig.line(DAILY, column, source=self._source, line_width=1.6, line_dash=dash, line_join="round")
            self._coloured(line.glyph, line_color=colour)
            drawn.append((label, [line]))
        self._legend(fig, drawn)
        self._hover(fig, {column: label for column, (label, _, _) in lines.items()}, detail, drawn[0][1][0])
        if zero:
            self._zero(fig)

    def _zero(self, fig: Any) -> None:
        from bokeh.models import Span

        level = Span(location=0.0, dimension="width", line_width=1, level="underlay")
        self._coloured(level, line_color="soft")
        fig.add_layout(level)

    def add_area(self, name: str, column: str, label: str, colour: str, *, height: int = 220) -> None:
        """A figure of one daily column filled to 0."""
        fig = self._figure(name, height, "0%", x_axis_type="datetime")
        area = fig.varea(DAILY, 0.0, column, source=self._source, fill_alpha=0.25)
        line = fig.line(DAILY, column, source=self._source, line_width=1.2)
        self._coloured(area.glyph, fill_color=colour)
        self._coloured(line.glyph, line_color=colour)
        self._hover(fig, {column: label}, "0.00%", line)

    def add_stack(self, name: str, columns: Mapping[str, tuple[str, str]], *, height: int = 320) -> None:
        """Long weights stacked up from 0, short ones down: column → (label, colour); reads `column+` and `column-`."""
        fig = self._figure(name, height, "0%", x_axis_type="datetime")
        drawn: dict[str, list[Any]] = {column: [] for column in columns}
        for side in "+-":
            parts = fig.varea_stack(
                [f"{column}{side}" for column in columns], x=DAILY, source=self._source, fill_alpha=0.85
            )
            for column, area in zip(columns, parts, strict=True):
                self._coloured(area.glyph, fill_color=columns[column][1])
                drawn[column].append(area)
        self._legend(fig, [(label, drawn[column]) for column, (label, _) in columns.items()])
        self._zero(fig)

    def add_bars(
        self, name: str, keys: Sequence[str], groups: Mapping[str, tuple[str, Any]], *, height: int = 240
    ) -> None:
        """Bars side by side for each key: label → (colour, values)."""
        from bokeh.models import ColumnDataSource, Range1d

        fig = self._figure(name, height, "0%", x_range=Range1d(-0.6, len(keys) - 0.4))
        fig.xaxis.ticker = list(range(len(keys)))
        fig.xaxis.major_label_overrides = dict(enumerate(keys))
        width, drawn = 0.8 / len(groups), []
        for i, (label, (colour, values)) in enumerate(groups.items()):
            x = np.arange(len(keys)) + (i - (len(groups) - 1) / 2) * width
            source = ColumnDataSource({"x": x, "y": np.asarray(values, dtype=np.float64)})
            bars = fig.vbar("x", width * 0.92, "y", source=source, line_color=None)
            self._coloured(bars.glyph, fill_color=colour)
            drawn.append((label, [bars]))
        self._legend(fig, drawn)
        self._zero(fig)

    def add_points(self, name: str, groups: Mapping[str, tuple[str, str, Any, Any]], *, height: int = 220) -> None:
        """Points in time: label → (colour, marker, session labels, values)."""
        fig = self._figure(name, height, "0.[0000]a", x_axis_type="datetime")
        drawn = []
        for label, (colour, marker, sessions, values) in groups.items():
            x = np.asarray(sessions).astype("datetime64[ms]").astype(np.float64)
            dots = fig.scatter(x, np.asarray(values, dtype=np.float64), marker=marker, size=6, fill_alpha=0.6)
            self._coloured(dots.glyph, fill_color=colour, line_color=colour)
            drawn.append((label, [dots]))
        self._legend(fig, drawn)

    def embed(self) -> str:
        """The document, where each figure goes (the element of its name) and the colours to repaint, as JSON.

        Model ids are numbered from 1, so that equal figures are equal text.
        """
        from bokeh.document import Document

        document = Document()
        with document.models.freeze():  # one walk over the models, not one a figure
            for fig in self._figures.values():
                document.add_root(fig)
        places = {fig.id: f"chart-{name}" for name, fig in self._figures.items()}
        items = [{"docid": "report", "roots": places, "root_ids": list(places)}] if places else []
        docs = {"report": document.to_json(deferred=False)} if places else {}
        paint = [(model.id, colours) for model, colours in self._paint]
        text = json.dumps({"docs": docs, "items": items, "paint": paint}, separators=(",", ":"))
        return _renumbered(text).replace("</", "<\\/")


def _renumbered(text: str) -> str:
    numbers = {old: f'"p{i}"' for i, old in enumerate(dict.fromkeys(re.findall(r'"p\d+"', text)), start=1)}
    return re.sub(r'"p\d+"', lambda found: numbers[found.group()], text)


def runtime() -> str:
    """The chart library's script, whole, for a page that is read without a network."""
    from bokeh.resources import Resources

    return "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw).replace("</script", "<\\/script")

"""Parts of a Grafana dashboard as JSON: panels on a grid of 24 columns, rows, variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS, WIDTH, HEIGHT = 24, 8, 8

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A PromQL expression; `legend` names its series by their labels (`{{product}}`)."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One panel: `unit` is Grafana's (`s`, `reqps`, `percentunit`), `kind` its type of panel."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    stacked: bool = False

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel at a place of the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}}
            if self.kind == "timeseries"
            else {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}},
            "targets": [_target(query, place) for place, query in enumerate(self.queries)],
        }

    def _defaults(self) -> Json:
        defaults: Json = {"unit": self.unit}
        if self.kind == "timeseries":
            mode = "normal" if self.stacked else "none"
            fill = 30 if self.stacked else 0
            defaults["custom"] = {"fillOpacity": fill, "stacking": {"group": "A", "mode": mode}}
        return defaults


@dataclass(frozen=True)
class Row:
    """A heading with the panels below it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A choice above the dashboard: the values of a label of a metric."""

    label: str
    metric: str

    def json(self) -> Json:
        """Several or all values may be chosen."""
        query = f"label_values({self.metric}, {self.label})"
        return {
            "name": self.label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": query, "refId": self.label},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "current": {"text": "All", "value": "$__all"},
        }


@dataclass(frozen=True)
class Dashboard:
    """A dashboard for one reader."""

    uid: str
    title: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = field(default=())
    since: str = "now-6h"

    def json(self) -> Json:
        """The model that Grafana imports, and provisions from a file."""
        source = {"name": "datasource", "type": "datasource", "query": "prometheus"}
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["decision-service"],
            "timezone": "utc",
            "editable": True,
            "schemaVersion": 39,
            "refresh": "1m",
            "time": {"from": self.since, "to": "now"},
            "templating": {"list": [source, *(one.json() for one in self.variables)]},
            "panels": [*_placed(self.rows)],
        }


def _placed(rows: Iterable[Row]) -> Iterator[Json]:
    number, y = 1, 0
    for row in rows:
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": row.title, "gridPos": place, "panels": []}
        number, y = number + 1, y + 1
        for place_in_row, panel in enumerate(row.panels):
            line, column = divmod(place_in_row, COLUMNS // WIDTH)
            yield panel.json(number, column * WIDTH, y + line * HEIGHT)
            number += 1
        y += HEIGHT * -(-len(row.panels) // (COLUMNS // WIDTH))


def _target(query: Query, place: int) -> Json:
    return {
        "refId": chr(ord("A") + place),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
    }

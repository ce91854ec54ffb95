"""The explorer of the embedded mode: every call with its fields, to be tried; docs and health."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import yaml
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.build import engine_version, templates

_ASSETS = {"explorer.css": "text/css", "explorer.js": "text/javascript"}
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


class Kind(msgspec.Struct, frozen=True):
    """The type of a field: words, and the schema that they lead to, empty for a plain value."""

    words: str
    leads_to: str = ""

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Kind:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return cls(name, name)
        for word, inside in (("list of", "items"), ("map to", "additionalProperties")):
            if isinstance(schema.get(inside), dict):
                kind = cls.of(schema[inside])
                return cls(f"{word} {kind.words}", kind.leads_to)
        return cls(schema.get("format") or schema.get("contentEncoding") or schema["type"])


class Call(msgspec.Struct, frozen=True):
    path: str
    about: str
    request: Kind
    answer: Kind

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Explorer:
    """The pages, made when they are first asked for from the files of a folder of docs.

    `admin` is the URL of health and metrics where it is another.
    """

    def __init__(self, docs: Path, admin: str = "") -> None:
        self._docs = docs
        self._admin = admin
        self.calls = cache(self._calls)

    def routes(self) -> list[BaseRoute]:
        """`/`, and below `/explorer` and `/docs` what it leads to."""
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/explorer/{name}", self._asset, methods=["GET"]),
            Route("/docs/{name}", self._doc, methods=["GET"]),
        ]

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(await asyncio.to_thread(self.calls), headers=_HEADERS)

    async def _asset(self, request: Request) -> Response:
        kind = _ASSETS.get(request.path_params["name"])
        if kind is None:
            return Response(status_code=404)
        file = resources.files(__package__).joinpath("static", request.path_params["name"])
        return Response(file.read_bytes(), media_type=kind, headers=_HEADERS)

    async def _doc(self, request: Request) -> Response:
        """A page as it is written, by a name that the folder has."""
        found = {path.name: path for path in self._files()}.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        return PlainTextResponse(found.read_text(encoding="utf-8"), headers=_HEADERS)

    def _files(self) -> list[Path]:
        return sorted([*self._docs.glob("*.md"), *self._docs.glob("openapi.yaml")])

    def _calls(self) -> str:
        text = (self._docs / "openapi.yaml").read_text(encoding="utf-8")
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        schemas = document["components"]["schemas"]
        calls = [*_calls_in(document)]
        services: list[tuple[Any, list[Call]]] = []
        for tag in document["tags"]:
            of_service = f".{tag['name']}/"
            services.append((tag, [one for one in calls if of_service in one.path]))
        return (
            templates(__package__, "static")
            .get_template("explorer.html")
            .render(
                version=engine_version(),
                admin=self._admin,
                docs=[path.name for path in self._files()],
                services=services,
                schemas=schemas,
                kind=Kind.of,
            )
        )


def _calls_in(document: Mapping[str, Any]) -> Iterator[Call]:
    for path, verbs in document["paths"].items():
        call = verbs["post"]
        asked = _kind_of(call["requestBody"])
        answered = _kind_of(call["responses"]["200"])
        yield Call(path, call["summary"], asked, answer=answered)


def _kind_of(body: Mapping[str, Any]) -> Kind:
    return Kind.of(body["content"]["application/json"]["schema"])

"""The addresses of the connect page: itself, its files, and what its script asks."""

from __future__ import annotations

import asyncio
from importlib import resources

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.edge.http.connect.links import NO_STORE, LinkTokenEndpoints
from decision_service.edge.http.connect.page import ConnectPage
from decision_service.edge.http.connect.texts import chosen_language

_SCRIPTS = ("connect.js", "accounts.js", "steps.js", "state.js")
_ASSETS = {"connect.css": "text/css"} | dict.fromkeys(_SCRIPTS, "text/javascript")
_ASSET_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "max-age=300"}
_LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""Of an SVG that is opened by itself; in the page it is an image, which runs and loads nothing."""


def connect_routes(page: ConnectPage, tokens: LinkTokenEndpoints) -> list[BaseRoute]:
    """The page, its files, and where it asks about its token."""
    headers = {
        **NO_STORE,
        "content-security-policy": page.widget.policy(),
        "x-content-type-options": "nosniff",
        "vary": "accept-language",
    }

    async def connect(request: Request) -> Response:
        header = request.headers.get("accept-language", "")
        language = chosen_language(request.query_params.get("lang"), header)
        content = await asyncio.to_thread(page.shown, language)
        return HTMLResponse(content, headers={**headers, "content-language": language})

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return Response(status_code=404)
        return Response(_file(name), media_type=_ASSETS[name], headers=_ASSET_HEADERS)

    async def logo(_: Request) -> Response:
        if (picture := page.lender.logo) is None:
            return Response(status_code=404)
        own = _ASSET_HEADERS | {"content-security-policy": _LOGO_POLICY}
        return Response(picture.content, media_type=picture.media_type, headers=own)

    return [
        Route("/connect", connect, methods=["GET"]),
        Route("/connect/token", tokens.renewed, methods=["POST"]),
        Route("/connect/check", tokens.checked, methods=["POST"]),
        Route("/connect/logo", logo, methods=["GET"]),
        Route("/connect/{name}", asset, methods=["GET"]),
    ]


def _file(name: str) -> bytes:
    return resources.files(__package__).joinpath("pages", name).read_bytes()

"""The HTTP edge: health and metrics, and whatever other routes the service is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.edge.metrics import Metrics


def build_app(
    metrics: Metrics, serving: Callable[[], bool], routes: Iterable[BaseRoute] = ()
) -> Starlette:
    """The application with `/healthz`, `/metrics` and further routes."""

    async def healthz(_: Request) -> Response:
        if serving():
            return PlainTextResponse("SERVING\n")
        return PlainTextResponse("NOT_SERVING\n", status_code=503)

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    own = [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]
    return Starlette(routes=[*own, *routes])

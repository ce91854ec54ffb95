"""The HTTP edge: health and metrics, and whatever other routes the service is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.edge.metrics import Metrics


def build_app(routes: Iterable[BaseRoute]) -> Starlette:
    """The application with these routes."""
    app = Starlette(routes=[*routes])
    app.router.redirect_slashes = False  # the redirect would repeat a Host that a client made up
    return app


def admin_routes(
    metrics: Metrics,
    reasons: Callable[[], Sequence[str]],
    remarks: Callable[[], Iterable[str]] = tuple,
) -> list[BaseRoute]:
    """`/healthz`, `/livez` and `/metrics`, which platforms ask for.

    `reasons` say why no decisions are made, none while they are. `remarks` are what is amiss
    although decisions are made. Both are lines below the status. `/livez` is content while the
    process answers.
    """

    async def healthz(_: Request) -> Response:
        why = reasons()
        status = "NOT_SERVING" if why else "SERVING"
        text = "".join(f"{line}\n" for line in (status, *why, *remarks()))
        return PlainTextResponse(text, status_code=503 if why else 200)

    async def livez(_: Request) -> Response:
        return PlainTextResponse("SERVING\n")

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/livez", livez, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]

"""The page of operations: how the service does, and what waits."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from decision_service.console.web import Pages, Visit


def routes(pages: Pages) -> list[Route]:
    return [pages.route("/operations", _show)]


def _show(visit: Visit) -> Response:
    return visit.page("operations.html", found=visit.service.call("StatusService.GetStatus"))

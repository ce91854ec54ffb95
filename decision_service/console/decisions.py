"""decisions"""

from __future__ import annotations

from starlette.routing import Route

from decision_service.console.web import Pages


def routes(pages: Pages) -> list[Route]:
    del pages
    return []

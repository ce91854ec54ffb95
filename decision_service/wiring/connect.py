"""Whose page the connect page is, where it finds the vendor's widget, and what it hands to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.routing import BaseRoute

from decision_service.config import OnRevoke, Settings, env_name
from decision_service.config.onboarding import names_of
from decision_service.edge.http.connect.links import LinkTokenEndpoints
from decision_service.edge.http.connect.logo import read_logo
from decision_service.edge.http.connect.notice import read_notice
from decision_service.edge.http.connect.page import ConnectPage, Lender
from decision_service.edge.http.connect.refused import PageRefused
from decision_service.edge.http.connect.routes import connect_routes
from decision_service.edge.http.connect.widget import WidgetOptions
from decision_service.pipeline.applicants.onboarding import OnboardApplicants
from decision_service.pipeline.applicants.ports import LinkToken
from decision_service.wiring.core import Core
from decision_service.wiring.errors import StartError

RENEW_SECONDS = 5.0
"""How long the page waits for another link token."""


def connect_page(core: Core, onboard: OnboardApplicants) -> list[BaseRoute]:
    """The page's routes; raises StartError where one of the page's files cannot be used."""

    async def renew(token: str) -> LinkToken | None:
        return await onboard.renew(token, core.clock.monotonic() + RENEW_SECONDS)

    tokens = LinkTokenEndpoints(renew, onboard.opens, core.metrics.registry)
    try:
        lender = lender_of(core.settings)
    except PageRefused as error:
        raise StartError(str(error)) from None
    page = ConnectPage(lender, widget_options(core.settings, *core.widget))
    return connect_routes(page, tokens)


def lender_of(settings: Settings) -> Lender:
    """Whose page it is, with the files that settings name; raises PageRefused."""
    with _named("connect_notice_file"):
        notice = read_notice(settings.connect_notice_file)
    with _named("connect_logo_file"):
        logo = read_logo(settings.connect_logo_file) if settings.connect_logo_file else None
    return Lender(
        name=settings.connect_company_name,
        notice=notice,
        months=settings.retention,
        logo=logo,
        erases_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
        return_origins=settings.return_origins,
    )


def widget_options(settings: Settings, script: str, api_host: str) -> WidgetOptions:
    """The widget of the mode, or the stand-in's look-alike, with the operator's choices."""
    return WidgetOptions(
        script_url=settings.widget_script_url or script,
        api_host=settings.widget_api_host or api_host,
        providers=names_of(settings.connect_providers),
        top_providers=names_of(settings.connect_top_providers),
        enable_search_bar=settings.connect_search_bar,
        enable_type_bar=settings.connect_type_bar,
        enable_upload=settings.connect_upload,
        company_name=settings.connect_company_name,
        template_id=settings.connect_template_id,
    )


@contextmanager
def _named(setting: str) -> Iterator[None]:
    """Name the setting in front of what is wrong with its file."""
    try:
        yield
    except PageRefused as error:
        raise PageRefused(f"{env_name(setting)}: {error}") from None

"""Where the connect page finds the vendor's widget, and what it hands to it."""

from __future__ import annotations

from starlette.routing import BaseRoute

from decision_service.config import Settings, SmileMode
from decision_service.config.onboarding import WIDGET_SCRIPT, names_of
from decision_service.edge.http.connect import LinkTokenEndpoint, WidgetOptions, connect_routes
from decision_service.edge.http.guesses import GuessLimit
from decision_service.pipeline.applicants.onboarding import OnboardApplicants
from decision_service.pipeline.applicants.ports import LinkToken
from decision_service.wiring.core import Core

API_HOSTS = {
    SmileMode.SANDBOX: "https://link-sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://link.smileapi.io/v1",
}


RENEW_SECONDS = 5.0
"""How long the page waits for another link token."""


def connect_page(core: Core, onboard: OnboardApplicants) -> list[BaseRoute]:
    """The page's routes."""

    async def renew(token: str) -> LinkToken | None:
        return await onboard.renew(token, core.clock.monotonic() + RENEW_SECONDS)

    limit = GuessLimit(core.clock.monotonic)
    endpoint = LinkTokenEndpoint(renew, limit, core.metrics.registry)
    return connect_routes(widget_options(core.settings, core.smile_url), endpoint)


def widget_options(settings: Settings, smile_url: str) -> WidgetOptions:
    """The widget of the mode, or the stand-in's look-alike, with the operator's choices."""
    script, api_host = _addresses(settings, smile_url)
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
        return_origins=settings.return_origins,
    )


def _addresses(settings: Settings, smile_url: str) -> tuple[str, str]:
    if settings.smile_mode is SmileMode.EMBEDDED:
        from decision_service.simulator.linking.api import LINK_PREFIX, SCRIPT_PATH

        root = smile_url.removesuffix("/v1")
        return root + SCRIPT_PATH, root + LINK_PREFIX
    return WIDGET_SCRIPT, API_HOSTS[settings.smile_mode]

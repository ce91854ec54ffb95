"""What the page hands to the vendor's widget, and the policy under which the page shows it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import msgspec


class WidgetOptions(msgspec.Struct, frozen=True):
    """What the page hands to the vendor's widget, in its own words.

    `script_url` is where the widget's script is, `api_host` what the widget talks to; empty
    `providers` means all of them.
    """

    script_url: str
    api_host: str
    providers: tuple[str, ...] = ()
    top_providers: tuple[str, ...] = ()
    enable_search_bar: bool = True
    enable_type_bar: bool = True
    enable_upload: bool = False
    company_name: str = ""
    template_id: str = ""

    def as_json(self) -> str:
        """The options under the widget's names."""
        content = {
            "apiHost": self.api_host,
            "providers": list(self.providers),
            "topProviders": list(self.top_providers),
            "enableSearchBar": self.enable_search_bar,
            "enableTypeBar": self.enable_type_bar,
            "enableUpload": self.enable_upload,
            "companyName": self.company_name,
        }
        return json.dumps(content | ({"templateId": self.template_id} if self.template_id else {}))

    def policy(self) -> str:
        """The Content-Security-Policy: our own files, the widget's script and what it talks to."""
        script, host = _origin(self.script_url), _origin(self.api_host)
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' {script}",
                f"style-src 'self' {script}",
                f"connect-src 'self' {host}",
                f"frame-src {script} {host}",
                f"img-src 'self' data: {script}",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

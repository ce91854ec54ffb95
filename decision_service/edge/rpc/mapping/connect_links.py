"""The connect page's link, and the way back from it to the lender."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

import msgspec

from decision_service.edge.rpc.mapping.problems import Problems

_ADDRESS = re.compile(r"[!-\[\]-~]{1,1000}", re.ASCII)
"""Printable ASCII without a space or a backslash, which browsers read as a slash."""


class ConnectLinks(msgspec.Struct, frozen=True):
    """Makes links to the page at `base`, empty where that is not known.

    `origins` are those that a page may lead back to, such as `https://lender.example`.
    """

    base: str
    origins: tuple[str, ...]

    def check(self, problems: Problems, return_url: str) -> None:
        """Note a way back that is not to an allowed origin; an empty one is none."""
        if return_url and not self._allowed(return_url):
            known = ", ".join(self.origins) or "none"
            problems.add(
                "return_url",
                "must be an address of at most 1,000 characters at an origin of "
                f"DECISION_CONNECT_RETURN_ORIGINS ({known})",
            )

    def link(self, access_token: str, return_url: str) -> str:
        """The whole link; empty where the base is not known."""
        if not self.base:
            return ""
        given = {"token": access_token, "return_url": return_url}
        return f"{self.base}/connect?{urlencode({k: v for k, v in given.items() if v})}"

    def _allowed(self, return_url: str) -> bool:
        if not _ADDRESS.fullmatch(return_url):
            return False
        try:
            parts = urlsplit(return_url)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}".lower() in self.origins

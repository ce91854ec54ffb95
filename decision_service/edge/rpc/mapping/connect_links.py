"""The connect page's link, and the way back from it to the lender."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from urllib.parse import urlencode, urlsplit

import msgspec

from decision_service.edge.rpc.mapping.problems import Problems

_ADDRESS = re.compile(r"[!-\[\]-~]{1,1000}", re.ASCII)
"""Printable ASCII without a space or a backslash, which browsers read as a slash."""
_TYPE = re.compile(r"[A-Z_]{1,40}", re.ASCII)
_MOST_TYPES = 10


class ConnectLinks(msgspec.Struct, frozen=True):
    """Makes links to the page at `base`, empty where that is not known.

    `origins` are those that a page may lead back to, such as `https://lender.example`, and
    `providers_of` gives the ids of the providers of some of the vendor's types.
    """

    base: str
    origins: tuple[str, ...]
    providers_of: Callable[[Collection[str]], Iterable[str]] = lambda _: ()

    def check(self, problems: Problems, return_url: str, provider_types: Sequence[str]) -> None:
        """Note a way back that is not to an allowed origin, and words that can be no types."""
        if len(provider_types) > _MOST_TYPES:
            problems.add("provider_types", f"has {len(provider_types)}: at most {_MOST_TYPES}")
        for word in provider_types[:_MOST_TYPES]:
            problems.text("provider_types", word, _TYPE, "the vendor's words, such as GOVERNMENT")
        if return_url and not self._allowed(return_url):
            known = ", ".join(self.origins) or "none"
            problems.add(
                "return_url",
                "must be an address of at most 1,000 characters at an origin of "
                f"DECISION_CONNECT_RETURN_ORIGINS ({known})",
            )

    def link(self, access_token: str, return_url: str, provider_types: Collection[str] = ()) -> str:
        """The whole link; empty where the base is not known.

        It names the providers of the types, and none, for all of them, where none is known.
        """
        if not self.base:
            return ""
        providers = ",".join(self.providers_of(provider_types)) if provider_types else ""
        given = {"token": access_token, "return_url": return_url, "providers": providers}
        return f"{self.base}/connect?{urlencode({k: v for k, v in given.items() if v})}"

    def _allowed(self, return_url: str) -> bool:
        if not _ADDRESS.fullmatch(return_url):
            return False
        try:
            parts = urlsplit(return_url)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}".lower() in self.origins

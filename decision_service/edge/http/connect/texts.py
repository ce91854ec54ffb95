"""What the page says, in each of its languages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from decision_service.domain.accounts import ACCOUNT_ERRORS
from decision_service.edge.languages import best_language

LANGUAGES = ("en", "fil")
"""The page's languages; the first is everybody's who asks for neither."""

_ALIASES = {"tl": "fil"}
"""Tagalog is what older phones call Filipino."""


class PageTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of one language.

    `page` is for the template, `said` for its script, `refusals` for why a link token was refused,
    `account_errors` by the vendor's codes.
    """

    name: str
    page: Mapping[str, str]
    said: Mapping[str, str]
    refusals: Mapping[str, str]
    account_errors: Mapping[str, str] = {}


@cache
def texts_in(language: str) -> PageTexts:
    """The texts of one of LANGUAGES; English has its account errors from where all have theirs."""
    content = resources.files(__package__).joinpath("pages", f"{language}.yaml").read_bytes()
    texts = msgspec.yaml.decode(content, type=PageTexts)
    english = {code: f"{one.happened} {one.advice}" for code, one in ACCOUNT_ERRORS.items()}
    return msgspec.structs.replace(texts, account_errors=english | dict(texts.account_errors))


def chosen_language(asked: str | None, header: str) -> str:
    """The language asked for by name where there is one, else the best of accept-language."""
    if asked in LANGUAGES:
        return asked
    return best_language(header, LANGUAGES, _ALIASES)

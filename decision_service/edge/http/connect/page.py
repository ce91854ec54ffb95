"""The connect page as it is shown to an applicant, in each of its languages."""

from __future__ import annotations

import json
from functools import cache

import msgspec

from decision_service.edge.http.connect.logo import Logo
from decision_service.edge.http.connect.notice import Notice, fill
from decision_service.edge.http.connect.texts import LANGUAGES, texts_in
from decision_service.edge.http.connect.widget import WidgetOptions


class Lender(msgspec.Struct, frozen=True):
    """Whose page it is.

    `notice` is the privacy notice, `months` how long decisions are kept, `erases_decisions` whether
    a withdrawal erases them. The page leads back to addresses of `return_origins` alone.
    """

    name: str
    notice: Notice
    months: int
    logo: Logo | None = None
    erases_decisions: bool = False
    return_origins: tuple[str, ...] = ()


class ConnectPage:
    """The page of a lender with its widget.

    It is the same for everybody who reads a language: the token stays in the address, which the
    script reads. It is therefore in no template, no cache and no log of ours.
    """

    def __init__(self, lender: Lender, widget: WidgetOptions) -> None:
        self.lender = lender
        self.widget = widget
        self.shown = cache(self._shown)

    def _shown(self, language: str) -> str:
        """The page; made when it is first asked for, so that no start waits for the template."""
        from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

        environment = Environment(
            loader=PackageLoader(__package__, "pages"),
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
        )
        texts, blanks = texts_in(language), self._blanks(language)
        return environment.get_template("connect.html").render(
            language=language,
            languages={one: texts_in(one).name for one in LANGUAGES},
            lender=self.lender,
            widget=self.widget,
            text={name: fill(words, blanks) for name, words in texts.page.items()},
            notice=[entry.filled(blanks) for entry in self.lender.notice[language]],
            said_json=json.dumps({key: fill(one, blanks) for key, one in texts.said.items()}),
            errors_json=json.dumps(dict(texts.account_errors)),
        )

    def _blanks(self, language: str) -> dict[str, str]:
        page, months = texts_in(language).page, f"{self.lender.months}"
        withdrawn = "decisions_erased" if self.lender.erases_decisions else "decisions_stay"
        return {
            "company": self.lender.name or page["lender"],
            "months": months,
            "withdrawn": fill(page[withdrawn], {"months": months}),
        }

"""`_data/employers.yaml`: words that name no employer, and such as do not tell employers apart."""

from __future__ import annotations

import msgspec

from decision_service.language.diagnostics import Report
from decision_service.language.yaml.readers import as_choice, as_text
from decision_service.ruleset.compile.sections.data.shared_files import opened, shared
from decision_service.ruleset.program.model import RulesetFiles

EMPLOYERS_FILE = "employers.yaml"
LEGAL_FORMS = (
    "Inc",
    "Corp",
    "Corporation",
    "Co",
    "Company",
    "Ltd",
    "Limited",
    "PT",
    "Tbk",
    "Pte",
    "Pvt",
)
"""A further word here would make two employers one, so that their incomes are not added up."""


class Employers(msgspec.Struct, frozen=True):
    """Both lists, folded."""

    none: tuple[str, ...] = ()
    legal_forms: tuple[str, ...] = ()


def read_employers(files: RulesetFiles, report: Report) -> Employers:
    """Both lists; empty where there is no file."""
    return shared(_employers, files, EMPLOYERS_FILE, report) or Employers()


def folded(text: str) -> str:
    """A name without case, punctuation and blanks: `Self-Employed` is `selfemployed`."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _employers(path: str, text: str, report: Report) -> Employers:
    fields = opened(path, text, report, optional=("not_employers", "legal_forms"))
    if fields is None:
        return Employers()
    none = [as_text(n, "a word", report) for n in fields.items("not_employers")]
    forms = [as_choice(n, "a legal form", LEGAL_FORMS, report) for n in fields.items("legal_forms")]
    return Employers(_folded(none), _folded(forms))


def _folded(words: list[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(folded(word) for word in words if word is not None))

"""The shipped rules without what they ask of own records, and without stories: tests edit them.

Whoever tests histories takes the rules as they are.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from msgspec.structs import replace

from decision_service.rulebook.folder import RuleFolder, TextFile

_STAGE = re.compile(r"\n  - name: (own_records|exposure) .*?(?=\n  - name: |\noffer:)", re.DOTALL)
_REASONS = re.compile(
    r"\n  (ALREADY_GRANTED|SHORT_TERM_DEBT|OWN_LOAN_OVERDUE|MANY_APPLICATIONS"
    r"|DECLINED_LATELY|ACCOUNT_SHARED"
    r"|ACCOUNT_OWES|MANY_LENDERS|DOCUMENTS_SHARED"
    r"|USER_SHARED|PERSON_TWICE|IDENTITY_DIFFERS|CONTACTS_DIFFER):(\n    [^\n]*)+"
)
_PARAMS = re.compile(
    r"\n  (max_applications_1d|max_applications_30d|max_lenders_7d|cooling_off_days"
    r"|max_short_term_debt):[^\n]*"
)
_DERIVED = re.compile(
    r"\n  (decided_as_usual_from|may_be_granted|may_be_owed|short_term_bearable|kept_open): [^\n]*"
)
_GIVEN = re.compile(r"\n    (history|reuse|match|links)\.[^\n]*")
_EDGES = re.compile(r"\n      (history|reuse|match|links)\.\w+: \{[^\n]*")
_CASE = re.compile(r"\n  - name: [^\n]*(\n    [^\n]*)*")
_OWN = re.compile(r"\b(history|reuse|match|links)\.|ALREADY_GRANTED|SHORT_TERM_DEBT")
_DAY = re.compile(r"\n    history\.today: [^\n]*")
"""What a version that names due days still needs of them."""
_CASES = re.compile(r"\n  # What this lender knows.*", re.DOTALL)
_GUARANTEES = re.compile(r"\nguarantees:(\n(?![a-z])[^\n]*)*")
_TERMS = (
    (" + history.exposure_instalments", ""),
    (" - history.exposure", ""),
    (
        "max(limit.max_amount - liabilities.outstanding_short_term, derived.kept_open)",
        "limit.max_amount - liabilities.outstanding_short_term",
    ),
    ("coalesce(inputs.open_advances, history.exposure_instalments)", "inputs.open_advances"),
    (
        "max(inputs.open_advances, history.exposure_instalments)",
        "coalesce(inputs.open_advances, 0)",
    ),
)


def without_records(text: str) -> str:
    """A rule file's text without own records, and with no guarantee but that of the law."""
    for part in (_STAGE, _DERIVED, _REASONS, _PARAMS):
        text = part.sub("", text)
    text = _GUARANTEES.sub(_of_the_law, text)
    return _without_terms(text)


def _of_the_law(guarantees: re.Match[str]) -> str:
    lines = [line for line in guarantees[0].splitlines() if "law: " in line]
    return "\nguarantees:\n" + "\n".join(lines) if lines else ""


def _without_terms(text: str) -> str:
    for term, instead in _TERMS:
        text = text.replace(term, instead)
    return text


def cases_without(text: str) -> str:
    """A text of rule tests without what it gives of own records, and their cases."""
    text, day = _CASES.sub("\n", _EDGES.sub("", text)), _DAY.search(text)
    text = _CASE.sub(lambda case: "" if _OWN.search(case[0]) else case[0], text)
    text = _GIVEN.sub("", text)
    if day and "income.next_due_date" in text:
        text = text.replace("\n  factors:", f"\n  factors:{day[0]}", 1)
    return _without_terms(text)


def forgetful(folder: RuleFolder) -> RuleFolder:
    """Every ruleset of a folder without them."""
    products = tuple(
        replace(
            product,
            rulesets={
                version: TextFile(file.path, without_records(file.text))
                for version, file in product.rulesets.items()
            },
            tests=tuple(TextFile(file.path, cases_without(file.text)) for file in product.tests),
            stories=(),
        )
        for product in folder.products
    )
    return replace(folder, products=products)


def forgetful_copy(rules: Path, target: Path) -> Path:
    """A copy of a rules folder without them, and without the cases that speak of them."""
    shutil.copytree(rules, target, ignore=shutil.ignore_patterns("stories"))
    for file in target.glob("*/v*.yaml"):
        file.write_text(without_records(file.read_text(encoding="utf-8")), encoding="utf-8")
    for file in target.glob("*/tests/v*.yaml"):
        file.write_text(cases_without(file.read_text(encoding="utf-8")), encoding="utf-8")
    return target

"""Rewrites the rule texts of the corpus once, where the rule language has lost a key.

`python -m tests.records.convert`: outcomes, reasons, amounts and factor values stay what they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.records.corpus import (
    Book,
    digest_of,
    names,
    read_book,
    read_texts,
    write_book,
    write_texts,
)
from tests.records.plain import Json

LINES: Sequence[tuple[str, str]] = (
    # The careful ways are the only ones
    (r"  partial: refer.*\n", ""),
    (r"  combine_income: per_job.*\n", ""),
    # Stages and figures by segment
    (r'applies_when: inputs\.customer_type == "(\w+)"', r"segment: \1"),
    (r"\n    by: inputs\.region(?=\n)", ""),
    (r"type: money, by: inputs\.region, values", "type: money, values"),
    # A rule concludes on what is counted, and a missing age is missing data
    (r"        missing_reason: AGE_UNKNOWN\n", ""),
    (r"  AGE_UNKNOWN:\n.*\n.*\n", ""),
    (
        r"  - name: signs\n(?:.*\n)+?(?=\n  - name: pace)",
        """\
  - name: counted
    component: POLICY
    rules:
      - id: counted
        when: derived.signs >= 2
        then: REFER
        reason: MANY_SIGNS
""",
    ),
    (
        r"(?m)^  share_of_income: limit\.share .*$(?!\n  signs)",
        r"""\g<0>
  signs: (1 if employment.status == "GIG" else 0) + (1 if income.gap_months_12m >= 3 else 0)""",
    ),
)
"""Patterns, and what stands in their place."""


RULES = {"applies_when": "segment"}
"""The ids of rows of traces that have another name."""

APART = ("signs", "counted")
"""Stages of which other rows come to the same outcome."""

SEGMENTS = {
    "ruleset: two-cards-ph": ("reasons", "inputs.customer_type"),
    "ruleset: table-figures-ph": ("derived", "inputs.customer_type"),
    "ruleset: regions-ph": ("params", "inputs.region"),
    "ruleset: every-construct-ph": ("params", "inputs.customer_type, inputs.region"),
}
"""For each product with segments the section before which they are named, and their names."""


def converted(text: str) -> str:
    """A text in today's language."""
    for old, new in LINES:
        text = re.sub(old, new, text)
    for product, (section, names_) in SEGMENTS.items():
        if product in text and "segments:" not in text and "stages:" in text:
            text = text.replace(f"\n{section}:\n", f"\nsegments: [{names_}]\n\n{section}:\n", 1)
    return text


def comparable(answer: Json) -> Json:
    """An answer whose traces have today's ids; rows of rewritten stages are left out."""
    if isinstance(answer, list):
        return [comparable(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    if answer.get("stage") in APART and "rule" in answer:
        return {}
    rule = answer.get("rule")
    found = {name: comparable(one) for name, one in answer.items()}
    if "rule_traces" in found:
        found["rule_traces"] = [row for row in found["rule_traces"] if row]
    return found | {"rule": RULES.get(rule, rule)} if isinstance(rule, str) else found


def main() -> None:
    """Rewrite the texts, and what names them by their SHA-256."""
    texts = {digest: converted(text) for digest, text in read_texts().items()}
    write_texts({digest_of(text): text for text in texts.values()})
    for name in names():
        book = read_book(name)
        rules = {path: digest_of(texts[one]) for path, one in book.given["rules"].items()}
        write_book(Book(name, {**book.given, "rules": rules}, book.facts, book.expected))


if __name__ == "__main__":
    main()

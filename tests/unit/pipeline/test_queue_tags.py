"""Queues by tags that no rule has."""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.rulebook.folder import TextFile, read_rules
from decision_service.rulebook.load import LoadResult, load_rules
from tests.fakes.plans import CHALLENGED, planned
from tests.fakes.world import NOW, PRODUCT, RULES

ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]
TAGS = "\ntags:\n  forged: {text: a payslip looks forged, told: nobody}\n"
DESK = """# desk.yaml
queues: [{{name: some, sla: 4h, when: {{tags: [{tag}]}}}}]
review: 20000
review_second: 100000
reasons: {{INCOME_CONFIRMED: {{text: It is.}}}}
"""


def loaded(tag: str) -> LoadResult:
    """The shipped loan with a tag `forged`, with a queue by a tag."""
    folder = planned(read_rules(RULES), ALONE + DESK.format(tag=tag))
    products = tuple(
        replace(one, rulesets={n: _tagged(file) for n, file in one.rulesets.items()})
        if one.product == PRODUCT
        else one
        for one in folder.products
    )
    return load_rules(replace(folder, products=products), NOW)


def _tagged(file: TextFile) -> TextFile:
    return replace(file, text=file.text + TAGS)


def test_a_queue_by_an_unknown_tag_is_told_at_its_line() -> None:
    """It would stay empty for ever, while its people wait in another queue."""
    told = loaded("forget")
    (found,) = (one for one in told.diagnostics if one.code == "P316")
    assert "[forget]" in found.quoted
    assert found.hint == "did you mean `forged`?"
    assert told.rulebook is None


def test_a_queue_by_a_known_tag_is_taken() -> None:
    """A tag that the deciding version declares."""
    assert loaded("forged").rulebook is not None

"""`policy.yaml`: how much of the rules their tests must reach, and what is accepted with a reason.

It lies in the rules folder, so that it is published, digested and signed as rules are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum

import msgspec

from decision_service.language.diagnostics import Diagnostic, Report, did_you_mean
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.parser import read
from decision_service.language.yaml.readers import as_choice

POLICY = "policy.yaml"
MOST = 100


class PlanRisk(StrEnum):
    """What `preflight` refuses in a plan unless the policy accepts it."""

    FIRST_STAGE = "first_stage"
    NO_GUARDRAILS = "no_guardrails"
    NO_CAPS = "no_caps"


class Floors(msgspec.Struct, frozen=True):
    """The least percentages of a version: of parts that cases reach, of changes they notice."""

    coverage: int = MOST
    figures: int = MOST


class Acceptance(msgspec.Struct, frozen=True):
    """A risk of a product's plan that the lender takes, and why."""

    product: str
    what: PlanRisk
    reason: str


class Policy(msgspec.Struct, frozen=True):
    """A folder's policy; without a file everything is asked for and nothing is accepted."""

    floors: Floors = Floors()
    accept: tuple[Acceptance, ...] = ()

    def reason(self, product: str, what: PlanRisk) -> str:
        """Why a risk of a product's plan is accepted; empty where it is not."""
        found = (one.reason for one in self.accept if (one.product, one.what) == (product, what))
        return next(found, "")

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence for each floor below 100 %."""
        return tuple(
            f"{POLICY} asks for {floor} % of {name} alone, not for {MOST} %"
            for name, floor in msgspec.structs.asdict(self.floors).items()
            if floor < MOST
        )


def read_policy(
    path: str, text: str, products: Collection[str]
) -> tuple[Policy, tuple[Diagnostic, ...]]:
    """A policy and everything wrong with its text; `path` is as messages show it."""
    report = Report()
    node = read(path, text, report)
    fields = node and Fields.of(node, "the policy", report, optional=("floors", "accept"))
    if not fields:
        return Policy(), report.diagnostics()
    return Policy(_floors(fields), tuple(_accepted(fields, products))), report.diagnostics()


def _floors(fields: Fields) -> Floors:
    node, known = fields.get("floors"), Floors.__struct_fields__
    inner = node and Fields.of(node, "`floors`", fields.report, optional=known)
    if not inner:
        return Floors()
    given = {name: inner.integer(name, 0, MOST) for name in known if inner.has(name)}
    return Floors(**{name: value for name, value in given.items() if value is not None})


def _accepted(fields: Fields, products: Collection[str]) -> Iterator[Acceptance]:
    report, seen = fields.report, set[tuple[str, str]]()
    for item in fields.items("accept"):
        keys = Acceptance.__struct_fields__
        entry = Fields.of(item, "an entry of `accept`", report, required=keys)
        if not entry:
            continue
        product, reason, what = entry.text("product"), entry.text("reason"), entry.get("what")
        word = what and as_choice(what, "`what`", PlanRisk, report)
        if product is not None and product not in products:
            message = f"there is no product {product} here"
            report.warning("M014", entry.place("product"), message, did_you_mean(product, products))
        elif product and reason and word:
            if (product, word) in seen:
                message = f"`{word}` of {product} is accepted twice"
                report.error("M015", entry.place("what"), message, "keep one reason")
            seen.add((product, word))
            yield Acceptance(product, PlanRisk(word), reason)

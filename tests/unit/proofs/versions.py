"""Small and shipped versions for tests of proofs."""

from __future__ import annotations

import os
import time
from datetime import date
from functools import cache

from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.workbench.commands.folder import find_version
from decision_service.workbench.constants import FigureSetter
from decision_service.workbench.proofs import questions
from decision_service.workbench.proofs.comparison import Claim, compared
from decision_service.workbench.proofs.report import factor_model
from decision_service.workbench.proofs.search import prove
from tests.unit.rules.kit import ROOT, rules, stages

TODAY = date(2026, 11, 27)
ALL = bool(os.environ.get("PROVE_ALL"))
"""Whether also those claims are proved that need more than a few seconds: `make prove`."""
MONTHS = "id: short, when: income.months_24m < {least}, then: DECLINE, reason: SHORT"
OFFER = """\
offer:
  max_amount: {share} * income.conservative_6m
  approved_amount: min(inputs.requested_amount, floor(offer.max_amount, 500))
  minimum_amount: 1000
  reason: SMALL
"""


def small(least=6, share="1.5", *more):
    """A version that approves from so many months on, a share of the income."""
    return loosely(small_text(share, *more, least=least))


def small_text(share="1.5", *more, least=6, lines=""):
    """Its text, perhaps with further lines of the offer."""
    gate = rules(
        MONTHS.format(least=least), "id: rest, when: income.months_24m >= 0, then: APPROVE"
    )
    further = f"  {lines}\n" if lines else ""
    return stages(gate, *more, tail=OFFER.format(share=share) + further)


def loosely(text):
    """The ruleset of a text with the real factors, whatever the checks of its logic say."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    found = compile_ruleset(files, catalogue(), checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


@cache
def shipped(word):
    """A shipped version's files and ruleset."""
    return find_version(word, ROOT / "rules")


def edited(word, **figures):
    """A shipped version with figures set to other values; `__` stands for a point."""
    named = {name.replace("__", "."): value for name, value in figures.items()}
    return FigureSetter(shipped(word).files, catalogue()).compiled(named)[0]


def proved(question, seconds=100.0):
    """The result of a question, on the day of the tests, in so many seconds of one core."""
    end = time.process_time() + seconds
    return prove(question, TODAY, lambda: end - time.process_time())


def asked(old, new, claim, where=""):
    """A claim about two versions."""
    return compared(old, new, Claim(claim), factor_model(old, new), where)


def claimed(old, new, claim, where=""):
    """The result of a claim about two versions."""
    return proved(asked(old, new, claim, where))


def kept(ruleset, name):
    """Whether a version keeps the guarantee of a name, as a question."""
    guarantee = next(g for g in ruleset.guarantees if g.name == name)
    return questions.kept(ruleset, guarantee, factor_model(ruleset))


def rewritten(word, before, after):
    """A shipped version in whose text something stands in the place of something else."""
    files = shipped(word).files
    assert before in files.text
    text = files.text.replace(before, after, 1)
    found = compile_ruleset(replace(files, text=text), catalogue(), checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset

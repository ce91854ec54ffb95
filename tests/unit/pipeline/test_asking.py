"""What an applicant is asked to connect, after a referral and before the first decision."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from decision_service.decide.asking import needed_kinds, not_held, what_to_connect
from decision_service.domain.accounts import CONNECTED, Kind
from decision_service.domain.decision import DataRequest, Outcome, ReferKind, Verdict
from decision_service.domain.factor import Factors, SourceUse
from decision_service.domain.schemes import EmployerKind, employer_kind
from decision_service.domain.snapshot import Employment, Income, Read, Snapshot
from decision_service.domain.values import AsOf, Cause, Missing
from tests.fakes.world import NOW, whole_rulebook
from tests.kits.cases import cases

CASES = cases("pipeline/asking")
TODAY = date(2026, 11, 28)


def champion(product: str) -> Any:
    """The rules that decide a product."""
    return whole_rulebook().product(product).champion


def job(number: int, employer: str | None, end: date | None = None) -> Employment:
    """An employment as a provider reports it."""
    return Employment(f"j-{number}", "a-1", employer, None, date(2020, 1, 1), end, None)


def payslip(employer: str, end: date) -> Income:
    """A month's pay."""
    start = end - timedelta(days=30)
    return Income("i-1", "a-1", employer, start, end, None, "PHP", None, None, 1)


@pytest.mark.parametrize("case", CASES["employers"], ids=lambda case: str(case["names"]))
def test_an_employer_is_known_by_its_name(case: dict[str, Any]) -> None:
    """Whole words tell the state's employers; two of two kinds tell nothing."""
    jobs = tuple(job(number, name) for number, name in enumerate(case["names"]))
    found = employer_kind(Snapshot("u", employments=Read(jobs)), "PH", TODAY)
    assert found == case["kind"]


def test_only_the_present_employer_counts() -> None:
    """A former teacher is asked for what private employees have; old payslips say nothing."""
    left = job(1, "DepEd", TODAY - timedelta(days=1))
    both = Snapshot("u", employments=Read((left, job(2, "Jolli Kusina"))))
    assert employer_kind(both, "PH", TODAY) is EmployerKind.PRIVATE
    for age, kind in ((92, EmployerKind.GOVERNMENT), (93, None)):
        paid = payslip("DepEd", TODAY - timedelta(days=age))
        alone = Snapshot("u", employments=Read((left,)), incomes=Read((paid,)))
        assert employer_kind(alone, "PH", TODAY) == kind


@pytest.mark.parametrize("case", CASES["referrals"], ids=lambda case: case["name"])
def test_a_referral_names_what_could_not_be_verified(case: dict[str, Any]) -> None:
    """Each kind that lacks a source, with the schemes that keep it for such an employee."""
    requests = []
    for number, text in enumerate(case["missing"]):
        cause, kind = text.split()
        requests.append(DataRequest(f"f{number}", Missing(Cause(cause), kind=Kind(kind)), ""))
    outcome = Outcome(case.get("outcome", "REFER"))
    refer_kind = ReferKind(case.get("kind", "DATA")) if outcome is Outcome.REFER else None
    verdict = Verdict(outcome, refer_kind, data_requests=tuple(requests))
    sources = [SourceUse(one, one, CONNECTED, None, True) for one in case.get("connected", ())]
    employer = EmployerKind(case["employer"]) if "employer" in case else None
    factors = Factors({}, {}, (*sources,), None, employer)
    found = what_to_connect(champion("personal-loan-ph"), verdict, factors)
    if case["lacking"] is None:
        assert found is None
        return
    assert found is not None
    assert list(found.types) == case["types"]
    named = {one.kind.value: [each.id for each in one.providers] for one in found.lacking}
    assert named == case["lacking"]
    assert list(found.first) == max(case["lacking"].values(), key=len)


@pytest.mark.parametrize("case", CASES["held"], ids=lambda case: str(case["connected"]))
def test_a_product_needs_what_it_refers_everybody_without(case: dict[str, Any]) -> None:
    """What no connected account holds of it lacks; trips are income to the loan, too."""
    for name, product in (("loan", "personal-loan-ph"), ("advance", "gig-advance-ph")):
        ruleset = champion(product)
        known = ruleset.needs.policy.provider_types
        kinds = needed_kinds(ruleset, AsOf.at(NOW, ruleset.zone))
        lacks = not_held(kinds, [known[one] for one in case["connected"]])
        assert [kind.value for kind in lacks] == case[name]


def test_no_sentence_for_applicants_promises_an_outcome() -> None:
    """Neither language speaks of approving, and each kind has both."""
    verdict = Verdict(
        Outcome.REFER,
        ReferKind.DATA,
        data_requests=tuple(
            DataRequest(kind, Missing(Cause.NOT_CONNECTED, kind=kind), "") for kind in Kind
        ),
    )
    found = what_to_connect(
        champion("personal-loan-ph"), verdict, Factors({}, {}, (), None, EmployerKind.PRIVATE)
    )
    assert found is not None
    assert len(found.lacking) == 6
    for one in found.lacking:
        assert set(one.texts) == {"en", "fil"}
        words = " ".join(one.texts.values()).casefold()
        assert not any(word in words for word in ("approv", "aprob", "will be", "complete"))

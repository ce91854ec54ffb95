"""Decisions of any shape, for hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import (
    Arm,
    ArmReason,
    Assignment,
    ComparisonTrace,
    Component,
    Condition,
    DataRequest,
    Decision,
    EnrolmentReason,
    Offer,
    OfferKind,
    Outcome,
    Reason,
    ReferKind,
    RulesetRef,
    RuleTrace,
    Score,
    StageTrace,
    Tag,
    Truth,
    Verdict,
)
from decision_service.domain.factor import Evidence, Factors, FactorValue, KindStatus, SourceUse
from decision_service.domain.ports import ReplyStyle
from decision_service.domain.values import AsOf, Cause, DataReason, Missing, Money
from tests.fakes.world import NOW

LONG = "₱ and a text that is longer than one byte of length can tell, " * 4
words = st.sampled_from(["", "a", "ñ", LONG, "x" * 127, "x" * 128]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=20
)
whole = st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2**31 - 1]) | st.integers(
    0, 2**31 - 1
)
instants = st.datetimes(datetime(1960, 1, 1), datetime(2120, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
decimals = st.decimals(-(10**6), 10**6, places=3) | st.sampled_from(
    [Decimal(text) for text in ("-0", "0", "0.00", "4.4E+2", "440", "440.0", "0.050", "1E-7")]
)
amounts = st.builds(
    Money, st.sampled_from(["PHP", "JPY", "KWD", "CLF"]), st.integers(-(10**12), 10**12)
)
values = st.one_of(
    st.booleans(), st.integers(-(10**39), 10**39), decimals, amounts, words, st.dates()
)
texts = st.fixed_dictionaries({"en": words}, optional={"fil": words, "fil-PH": words})
missing = st.builds(
    Missing,
    st.sampled_from(Cause),
    code=st.none() | st.sampled_from(DataReason),
    kind=st.none() | st.sampled_from(Kind),
    source=st.none() | words,
    account_error=st.none() | words,
    detail=st.none() | words,
    month=st.none() | st.integers(12, 12 * 9999),
    due=st.none() | st.dates(),
)


def few(of: st.SearchStrategy) -> st.SearchStrategy:
    """A tuple of at most three."""
    return st.lists(of, max_size=3).map(tuple)


offers = st.builds(
    Offer,
    st.sampled_from(OfferKind),
    amounts,
    max_amount=st.none() | amounts,
    term_months=st.none() | whole,
    monthly_rate=st.none() | decimals,
    tier=words,
    binding=words,
    outputs=st.dictionaries(words, values, max_size=4),
    term_binding=words,
)
verdicts = st.builds(
    Verdict,
    st.sampled_from(Outcome),
    refer_kind=st.none() | st.sampled_from(ReferKind),
    reasons=few(
        st.builds(
            Reason,
            words,
            texts,
            st.sampled_from(Component),
            factor=words,
            actual=words,
            required=words,
            points_lost=st.none() | decimals,
            regulatory_text=words,
        )
    ),
    data_requests=few(st.builds(DataRequest, words, missing, words)),
    scores=few(st.builds(Score, words, decimals, decimals, words)),
    offer=st.none() | offers,
    tags=few(st.builds(Tag, words, st.booleans())).map(tuple),
    conditions=few(st.builds(Condition, words, texts)),
)
assignments = st.builds(
    Assignment,
    words,
    st.booleans(),
    st.sampled_from(EnrolmentReason),
    words,
    words,
    st.integers(0, 100_000),
    enrolment_slot=st.none() | st.integers(0, 99_999),
    arm=st.none() | st.sampled_from(Arm),
    arm_reason=st.none() | st.sampled_from(ArmReason),
    arm_slot=st.none() | st.integers(0, 99_999),
)
evidences = st.builds(Evidence, whole, st.none() | words, top=few(words), notes=few(words))
factor_values = st.builds(FactorValue, words, st.none() | values, few(missing), evidences)
factors = st.builds(
    Factors,
    st.lists(factor_values, max_size=3).map(lambda found: {one.name: one for one in found}),
    st.dictionaries(st.sampled_from(Kind), st.sampled_from(KindStatus), max_size=4),
    few(
        st.builds(
            SourceUse, words, words, words, st.none() | instants, st.booleans(), st.none() | words
        )
    ),
    st.none(),
)
traces = few(
    st.builds(
        StageTrace,
        words,
        st.sampled_from(Component),
        st.none() | st.sampled_from(Outcome),
        few(
            st.builds(
                RuleTrace,
                words,
                words,
                st.sampled_from(Truth),
                comparisons=few(
                    st.builds(
                        ComparisonTrace, words, words, words, words, words, st.sampled_from(Truth)
                    )
                ),
            )
        ),
    )
)
decisions = st.builds(
    Decision,
    *[words] * 5,
    decision_id=words,
    created=instants,
    as_of=st.dates().map(lambda day: AsOf(NOW, day, UTC)),
    assignment=assignments,
    inputs=st.dictionaries(words, values, max_size=4),
    verdict=verdicts,
    engine_version=words,
    ruleset_ref=st.none() | st.builds(RulesetRef, words, whole, words),
    factors=st.none() | factors,
    snapshot_id=st.none() | words,
    fetched=st.none() | instants,
    upstream_calls=whole,
    expires=st.none() | instants,
)
styles = st.builds(ReplyStyle, st.booleans(), st.sampled_from([(), ("fil-PH", "de"), ("de",)]))

"""A guardrail's result in figures and in one sentence, for the journal, the log and the screen."""

from __future__ import annotations

from decision_service.pipeline.rollout.guardrails.evaluate import GuardrailResult
from decision_service.pipeline.rollout.guardrails.windows import hours
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.guardrails import Ceiling, Guardrail, Metric, VersusChampion
from decision_service.rollout.judging import meant
from decision_service.rollout.sequential import ArmCount

_METRICS = {
    Metric.APPROVAL_RATE: "approvals",
    Metric.REFER_RATE: "referrals",
    Metric.DECLINE_RATE: "declines",
    Metric.DATA_MISSING_RATE: "referrals for missing data",
    Metric.OVERRIDE_RATE: "overrides by reviewers",
    Metric.INTERNAL_ERROR_RATE: "internal errors",
    Metric.UPSTREAM_ERROR_RATE: "errors of the vendor and outages",
    Metric.LATENCY_P99_MS: "the latency's 99th percentile",
}


def figures_of(word: GuardrailResult, product: Product) -> dict[str, str]:
    """Value, limit, units and window of a guardrail's result, exact enough to check again."""
    judged = word.judgement
    figures = {
        "metric": word.guardrail.metric.value,
        "of": word.arm.value if word.arm else "product",
        "value": value_words(word),
        "allowed": allowed_words(word.guardrail, product),
        "units": str(judged.units),
        "window": window_words(word),
    }
    if word.arms is not None:
        arms = word.arms
        figures |= {"champion": _tally(arms.champion), "challenger": _tally(arms.challenger)}
    if isinstance(word.guardrail.test, VersusChampion):
        figures["alpha"] = f"{word.guardrail.test.alpha:f}"
    return figures


def sentence_of(word: GuardrailResult, product: Product) -> str:
    """What happened, for the journal's why."""
    whose = f"the {word.arm}'s " if word.arm else ""
    compared = " against the champion's" if word.arms else ""
    allowed = allowed_words(word.guardrail, product)
    units = f"{word.judgement.units:,} {units_words(word.guardrail)}"
    return (
        f"{whose}{_METRICS[word.guardrail.metric]}{compared}: {value_words(word)}, "
        f"allowed {allowed} ({units}, {window_words(word)})"
    )


def value_words(word: GuardrailResult) -> str:
    """`22.3 %`, `-8.8 pt` for a difference between the arms, `1,750 ms`."""
    if word.guardrail.metric is Metric.LATENCY_P99_MS:
        return f"{word.judgement.value:,.0f} ms"
    if word.arms is not None:
        return f"{word.judgement.value * 100:+.1f} pt"
    return f"{word.judgement.value * 100:.1f} %"


def allowed_words(guardrail: Guardrail, product: Product) -> str:
    """`40 %`, `1,500 ms`, `-6.0 ± 3.0 pt meant`, or `no difference` where no change is meant."""
    if isinstance(guardrail.test, Ceiling):
        if guardrail.metric is Metric.LATENCY_P99_MS:
            return f"{guardrail.test.maximum:,f} ms"
        return f"{float(guardrail.test.maximum) * 100:g} %"
    band = meant(product.plan, guardrail.metric)
    if band.low == band.high == 0:
        return "no difference"
    within = (band.high - band.low) / 2
    return f"{band.centre * 100:+.1f} ± {within * 100:.1f} pt meant"


def units_words(guardrail: Guardrail) -> str:
    """What its `min_units` counts."""
    errors = (Metric.INTERNAL_ERROR_RATE, Metric.UPSTREAM_ERROR_RATE, Metric.LATENCY_P99_MS)
    return "attempts" if guardrail.metric in errors else "applicants"


def window_words(word: GuardrailResult) -> str:
    """`the last 24h` or `since 2026-11-10 09:12 UTC`, whichever is shorter."""
    test = word.guardrail.test
    since = f"since {word.window.since:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(test, Ceiling) and test.window is not None and word.window.whole:
        return f"the last {hours(test.window)}"
    return since


def _tally(tally: ArmCount) -> str:
    return f"{tally.events} of {tally.units}"

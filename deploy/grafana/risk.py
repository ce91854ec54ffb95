"""The risk team's dashboard: outcomes, reasons, missing data, arms, guardrails, reviews."""

from __future__ import annotations

from panels import Dashboard, Panel, Query, Row, Variable
from queries import PREFIX, counted

LOAN = 'product=~"$product"'
DECIDED = f'{LOAN},outcome!="NOT_ENROLLED"'


def _share(part: str, whole: str, by: str) -> str:
    """A share of counts, of those of the whole with the same label."""
    return f"{part} / on ({by}) group_left () {whole}"


def _queues(metric: str) -> Query:
    """A gauge of each queue, which every process shows of all."""
    return Query(f"max by (product, queue) ({PREFIX}{metric}{{{LOAN}}})", "{{product}} {{queue}}")


def _in_a_day(metric: str, *by: str) -> Query:
    """A counter's rise within a day, by product and other labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in ("product", *by))
    return Query(counted(metric, "product", *by, where=LOAN, window="1d"), legend)


def _rate(outcome: str, by: str) -> str:
    part = counted("decisions_total", by, where=f'{LOAN},outcome="{outcome}"')
    return f"{part} / {counted('decisions_total', by, where=DECIDED)}"


OUTCOMES = Row(
    "Outcomes",
    (
        Panel(
            "Decisions within an hour",
            "By outcome; NOT_ENROLLED are applicants outside the go-live.",
            (Query(counted("decisions_total", "outcome", where=LOAN), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Rates",
            "Shares of the decided applicants within an hour, by product.",
            (
                Query(_rate("APPROVE", "product"), "{{product}} approved"),
                Query(_rate("REFER", "product"), "{{product}} referred"),
                Query(_rate("DECLINE", "product"), "{{product}} declined"),
            ),
            unit="percentunit",
        ),
        Panel(
            "Not as the rules concluded",
            "Decisions within an hour that a cap of the day made.",
            (
                Query(
                    counted("decision_overrides_total", "product", "kind", "cap", where=LOAN),
                    "{{product}} {{kind}} {{cap}}",
                ),
            ),
        ),
    ),
)
REASONS = Row(
    "Reasons",
    (
        Panel(
            "Reasons within an hour",
            "The ten reasons that were given most.",
            (
                Query(
                    f"topk(10, {counted('decision_reasons_total', 'code', where=LOAN)})", "{{code}}"
                ),
            ),
        ),
        Panel(
            "Reasons, for every hundred decisions",
            "A change of a rule, or of who applies, shows here first.",
            (
                Query(
                    "100 * "
                    + _share(
                        counted("decision_reasons_total", "product", "code", where=LOAN),
                        counted("decisions_total", "product", where=DECIDED),
                        "product",
                    ),
                    "{{product}} {{code}}",
                ),
            ),
        ),
        Panel(
            "Tags within an hour",
            "Tags of rules that held, those told to nobody too.",
            (Query(f"topk(10, {counted('decision_tags_total', 'tag', where=LOAN)})", "{{tag}}"),),
        ),
    ),
)
MISSING = Row(
    "Missing data",
    (
        Panel(
            "By cause, within an hour",
            "Decisions that lack data; one may have several causes.",
            (Query(counted("decision_missing_total", "cause", where=LOAN), "{{cause}}"),),
            stacked=True,
        ),
        Panel(
            "Share by cause",
            "Of the decided applicants within an hour. Failed, partial, stale and bad data is not "
            "the applicant's doing.",
            (
                Query(
                    _share(
                        counted("decision_missing_total", "product", "cause", where=LOAN),
                        counted("decisions_total", "product", where=DECIDED),
                        "product",
                    ),
                    "{{product}} {{cause}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Rules in force",
            "Versions that decide, by digest.",
            (
                Query(
                    f"max by (product, version, digest) ({PREFIX}rules_info{{{LOAN}}})",
                    "{{product}} v{{version}} {{digest}}",
                ),
            ),
            kind="stat",
        ),
    ),
)
ROLLOUT = Row(
    "Rollout",
    (
        Panel(
            "Shares",
            "Applicants in the go-live, and of these of the challenger.",
            (
                Query(
                    f"max by (product, track) ({PREFIX}rollout_percent{{{LOAN}}})",
                    "{{product}} {{track}}",
                ),
            ),
            unit="percent",
        ),
        Panel(
            "Approved, by arm",
            "Within an hour; guardrails compare the arms over days and with care.",
            (
                Query(
                    counted("decisions_total", "product", "arm", where=f'{LOAN},outcome="APPROVE"')
                    + " / "
                    + counted("decisions_total", "product", "arm", where=DECIDED),
                    "{{product}} {{arm}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Guardrails",
            "The state of each: waiting for figures, ok or tripped.",
            (
                Query(
                    "max by (product, guardrail, arm, state)"
                    f" ({PREFIX}rollout_guardrail_state{{{LOAN}}})",
                    "{{product}} {{guardrail}} {{arm}}: {{state}}",
                ),
            ),
            kind="stat",
        ),
        Panel(
            "Steps of guardrails within a day",
            "Pauses, steps back and kills.",
            (
                Query(
                    counted(
                        "rollout_guardrail_actions_total",
                        *("product", "guardrail", "action"),
                        where=LOAN,
                        window="1d",
                    ),
                    "{{product}} {{guardrail}} {{action}}",
                ),
            ),
        ),
        Panel(
            "Automatic advances within a day",
            "Stages that go-live advanced by itself.",
            (
                Query(
                    counted("rollout_automatic_advances_total", "product", where=LOAN, window="1d"),
                    "{{product}}",
                ),
            ),
        ),
        Panel(
            "Shadows within an hour",
            "Evaluations of silent versions by result, and those left out.",
            (
                Query(
                    counted("shadow_evaluations_total", "product", "version", "result", where=LOAN),
                    "{{product}} v{{version}} {{result}}",
                ),
                Query(
                    counted("shadow_dropped_total", "product", "why", where=LOAN),
                    "{{product}} {{why}}",
                ),
            ),
        ),
    ),
)
REVIEWS = Row(
    "Reviews",
    (
        Panel(
            "Open reviews",
            "Unfinished, by queue; `contest` holds what applicants contest.",
            (_queues("reviews_open"),),
            stacked=True,
        ),
        Panel(
            "Oldest open review",
            "Its age, by queue.",
            (_queues("reviews_oldest_seconds"),),
            unit="s",
        ),
        Panel(
            "Overdue reviews",
            "Unfinished ones whose time is over, by queue.",
            (_queues("reviews_overdue"),),
        ),
        Panel(
            "Ended late within a day",
            "Reviews that ended after they were due, by queue.",
            (_in_a_day("reviews_late_total", "queue"),),
        ),
        Panel(
            "Results within a day",
            "Reviews that a person completed, by outcome and reason.",
            (_in_a_day("reviews_completed_total", "outcome", "reason"),),
            stacked=True,
        ),
        Panel(
            "Overrides within a day",
            "Results that approve what was not approved, or decline what was, by reason.",
            (_in_a_day("review_overrides_total", "outcome", "reason"),),
        ),
    ),
)
RISK = Dashboard(
    "decision-service-risk",
    "Decision service: risk",
    (OUTCOMES, REASONS, MISSING, ROLLOUT, REVIEWS),
    (Variable("product", f"{PREFIX}rules_info"),),
    since="now-7d",
)

"""What there was in an earlier release and is no more, with what to use instead.

The one table of it: `runtime.config` reads settings, `cli.main` commands and options,
`transport.grpc` calls, `rules.draft` factors. A sentence follows "... any more: ". A line stays for
two releases, a factor's as long as versions that name it may be replayed.
"""

from __future__ import annotations

SETTINGS = {
    "backtest_jobs": "remove it: `decision-service backtest --jobs` judges apart from the service",
    "connect_search_bar": "the widget has its search bar",
    "connect_top_providers": "send `first_provider_ids` with the request for the link",
    "connect_type_bar": "the widget has its bar of provider types",
    "embedded_country": "play a scenario with `residence` by `decision-service sandbox simulator`",
    "embedded_currency": "play a scenario with `residence` by `decision-service sandbox simulator`",
    "lease": "remove it: after 30 seconds another process takes over what one that hangs decides",
    "log_format": "the log is for people on a terminal, and JSON elsewhere",
    "smile_fetch": "remove it: people are read by lists",
    "workers": "start several `serve` with DECISION_REUSE_PORT=true",
}
"""By the name of the setting in small letters, without DECISION_."""

COMMANDS = {
    "letters list": "use `decision-service decisions chain ID` for an application's letters, and "
    "`decision-service events list` for what was made",
    "rollout compare": "use `decision-service backtest PRODUCT --with PRODUCT@VERSION`, and "
    "`decision-service rollout show PRODUCT` for a shadow",
    "rules schema": "the schemas are in the folder `_schema` of the rules, for editors to read",
    "rules explain": "write the values as a case of its tests, and use `rules test --show NAME`",
    "version": "use `decision-service --version`",
}
"""By the words of the command after the program's name."""

OPTIONS = {
    "backtest --margins": "use `--sweep` over the figure",
    "preflight --no-prove": "leave it out: preflight proves nothing",
    "preflight --prove": "run `decision-service rules check --prove`",
    "preflight --prove-timeout": "run `decision-service rules check --prove`",
    "rules test --format junit": "use `--format json`, and make of it what your CI shows",
    "rules test --why": "use `--show`",
}
"""By the words of the command and the option, and of an option that stays the value that went."""

RPCS = {
    "NoticeService.ListNotices": "use DecisionService.GetDecision with `with_notices` for a "
    "decision's letters, and EventService.ListEvents for what was made",
    "RolloutService.CompareVersions": "use `decision-service backtest` on a copy of the store, and "
    "RolloutService.GetRollout for what a shadow would have decided",
}
"""By service and method, such as `RolloutService.CompareVersions`."""

FACTORS = {
    "money": {
        "contributions.average_18m": "contributions.average_24m",
        "contributions.average_9m": "contributions.average_12m",
        "contributions.max_18m": "contributions.max_24m",
        "contributions.max_9m": "contributions.max_12m",
        "contributions.min_18m": "contributions.min_24m",
        "contributions.min_9m": "contributions.min_12m",
        "contributions.sum_18m": "contributions.sum_24m",
        "contributions.sum_9m": "contributions.sum_12m",
        "income.average_12m": "income.calendar_average_12m",
        "income.average_18m": "income.calendar_average_18m",
        "income.average_24m": "income.calendar_average_24m",
        "income.average_3m": "income.calendar_average_3m",
        "income.average_9m": "income.calendar_average_9m",
        "income.average_all": "income.calendar_average_24m",
        "income.current_amount": "income.latest_month",
        "income.max_12m": "income.latest_month",
        "income.max_18m": "income.latest_month",
        "income.max_24m": "income.latest_month",
        "income.max_3m": "income.latest_month",
        "income.max_6m": "income.latest_month",
        "income.max_9m": "income.latest_month",
        "income.max_all": "income.latest_month",
        "income.median_18m": "income.median_12m",
        "income.median_24m": "income.median_12m",
        "income.median_9m": "income.median_6m",
        "income.median_all": "income.median_12m",
        "income.min_12m": "income.conservative_12m",
        "income.min_18m": "income.conservative_12m",
        "income.min_24m": "income.conservative_12m",
        "income.min_3m": "income.conservative_6m",
        "income.min_6m": "income.conservative_6m",
        "income.min_9m": "income.conservative_6m",
        "income.min_all": "income.conservative_12m",
        "income.starting_amount": "income.months_since_first",
        "income.std_12m": "income.volatility_12m",
        "income.std_18m": "income.volatility_12m",
        "income.std_24m": "income.volatility_12m",
        "income.std_3m": "income.volatility_6m",
        "income.std_6m": "income.volatility_6m",
        "income.std_9m": "income.volatility_6m",
        "income.std_all": "income.volatility_12m",
        "income.sum_18m": "income.calendar_average_18m",
        "income.sum_24m": "income.calendar_average_24m",
        "income.sum_9m": "income.calendar_average_9m",
        "income.sum_all": "income.calendar_average_24m",
        "liabilities.loan_amount_std": "liabilities.loan_amount_max",
        "liabilities.ongoing_amortization_average": "liabilities.monthly_amortization",
        "liabilities.ongoing_amortization_max": "liabilities.monthly_amortization",
        "liabilities.ongoing_amortization_median": "liabilities.monthly_amortization",
        "liabilities.ongoing_amortization_min": "liabilities.monthly_amortization",
        "liabilities.ongoing_amortization_std": "liabilities.monthly_amortization",
        "liabilities.ongoing_amortization_sum": "liabilities.monthly_amortization",
        "liabilities.repaid_average": "liabilities.repaid_total",
        "liabilities.repaid_max": "liabilities.repaid_total",
        "liabilities.repaid_median": "liabilities.repaid_total",
        "liabilities.repaid_min": "liabilities.repaid_total",
        "liabilities.repaid_std": "liabilities.repaid_total",
    },
    "integer": {
        "income.inner_gaps_all": "income.gap_months_24m",
        "income.longest_inner_gap_all": "income.longest_gap_24m",
        "income.months_at_max_18m": "income.volatility_12m",
        "links.connected_180d": "links.connected_90d",
        "links.connected_365d": "links.connected_90d",
        "links.connected_3d": "links.connected_7d",
        "links.connected_730d": "links.connected_90d",
    },
    "number": {
        "income.growth_12m": "income.trend_12m_pct",
    },
}
"""By type and name: the factor to use instead, which is of the same kinds of data."""

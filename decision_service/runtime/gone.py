"""What there was in an earlier release and is no more, with what to use instead.

The one table of it: `runtime.config` reads settings, `cli.main` commands and options,
`server.grpc` calls. A sentence follows "... any more: ". A line stays for two releases.
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
    "version": "use `decision-service --version`",
}
"""By the words of the command after the program's name."""

OPTIONS: dict[str, str] = {
    "preflight --no-prove": "leave it out: preflight proves nothing",
    "preflight --prove": "run `decision-service rules check --prove`",
    "preflight --prove-timeout": "run `decision-service rules check --prove`",
}
"""By the words of the command and the option, such as `rules test --junit`."""

RPCS: dict[str, str] = {}
"""By service and method, such as `RolloutService.CompareVersions`."""

"""`python -m bench [PART …] [--option value …]`: every part prints a table; without names the quick ones.

An option is an argument of a part's `run`, such as `--rounds 5` or `--decisions 5000`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence

from bench import (
    agree,
    backtest,
    bad_writes,
    cerbos,
    cold,
    compilation,
    factors,
    fuzz,
    memory,
    population,
    prove,
    recourse,
    rules,
    scale,
    shadow,
    start,
    tracing,
    warm,
)

PARTS: dict[str, Callable[..., None]] = {
    "rules": rules.run,
    "factors": factors.run,
    "fuzz": fuzz.run,
    "cold": cold.run,
    "compilation": compilation.run,
    "start": start.run,
    "warm": warm.run,
    "scale": scale.run,
    "memory": memory.run,
    "cerbos": cerbos.run,
    "bad-writes": bad_writes.run,
    "shadow": shadow.run,
    "agree": agree.run,
    "backtest": backtest.run,
    "tracing": tracing.run,
    "prove": prove.run,
    "recourse": recourse.run,
    "population": population.run,
}
LONG = {
    "population",
    "recourse",
    "prove",
    "memory",
    "cerbos",
    "bad-writes",
    "shadow",
    "agree",
    "backtest",
    "tracing",
}
"""Parts that run only when they are asked for."""
_FLAGS = {"--json"}
"""Options without a value."""


def main() -> None:
    """Run the parts that were asked for."""
    names, options = read(sys.argv[1:])
    asked = names or [name for name in PARTS if name not in LONG]
    unknown = [name for name in asked if name not in PARTS]
    if unknown:
        sys.exit(f"there is no part {unknown[0]}: the parts are {', '.join(PARTS)}")
    chosen = {name: settings(name, options) for name in asked}
    for name in asked:
        PARTS[name](**chosen[name])


def read(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The names of parts, and the options with their values."""
    names: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        if word in _FLAGS:
            options[word[2:]] = "1"
        elif word.startswith("--"):
            options[word[2:].replace("-", "_")] = next(rest, "")
        else:
            names.append(word)
    return names, options


def settings(part: str, options: dict[str, str]) -> dict[str, int | float | str]:
    """The options as arguments of a part, each of its default's type; ends where one does not fit."""
    defaults = {n: p.default for n, p in inspect.signature(PARTS[part]).parameters.items()}
    for name, value in options.items():
        is_text = isinstance(defaults.get(name), str)
        if name not in defaults or not (is_text or value.replace(".", "", 1).isdigit()):
            takes = ", ".join(f"--{known} {default}" for known, default in defaults.items())
            sys.exit(f"{part} cannot take --{name} {value}: it takes {takes or 'no options'}")
    return {name: type(defaults[name])(value) for name, value in options.items()}


if __name__ == "__main__":
    main()

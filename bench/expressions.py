"""The reference set as expressions in the words of C, which CEL and rule-engine both read."""

from __future__ import annotations

from bench.reference import BANDS, BASE, BINS, FACTORS, characteristics, table_rows


def flat(name: str) -> str:
    """A factor's name without its point."""
    return name.replace(".", "_")


def condition(left: str, bound: int, second: str | None, second_bound: int, and_: str) -> str:
    """A rule's condition in the words of C."""
    more = f" {and_} {flat(second)} < {second_bound}" if second else ""
    return f"{flat(left)} < {bound}{more}"


def points() -> str:
    """The score as nested choices of C, one a characteristic."""
    parts = [str(BASE)]
    for name in characteristics():
        chosen = str(BINS[-1][2])
        for _, high, given in reversed(BINS[:-1]):
            chosen = f"({flat(name)} < {high} ? {given} : {chosen})"
        parts.append(chosen)
    return " + ".join(parts)


def band() -> str:
    """The band of a `score` as nested choices of C."""
    chosen = f'"{BANDS[-1][0]}"'
    for name, least in reversed(BANDS[:-1]):
        chosen = f'(score >= {least} ? "{name}" : {chosen})'
    return chosen


def granted(and_: str, nothing: str) -> str:
    """The first of the table's rows that a `band` matches as nested choices of C."""
    chosen = nothing
    for name, lower, months in reversed(table_rows()):
        chosen = f'(band == "{name}" {and_} {flat(FACTORS[28])} >= {lower} ? {months} : {chosen})'
    return chosen

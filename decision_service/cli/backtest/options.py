"""What a backtest asks: the same options whether this program judges or a running service does."""

from __future__ import annotations

from typing import Annotated

import typer

from decision_service.cli.numbers import whole

ProductArgument = Annotated[
    str, typer.Argument(metavar="PRODUCT", help="the product, such as personal-loan-ph")
]
OtherOption = Annotated[
    str, typer.Option("--with", help="a version's file, or product@2; else the champion")
]
FiguresOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="a figure of it, as params.min_monthly_income=9000"),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option("--sweep", help="params.x=7000..12000/500; two make a grid"),
]
SinceOption = Annotated[str, typer.Option("--from", help="first day, YYYY-MM-DD")]
UntilOption = Annotated[str, typer.Option("--to", help="last day, YYYY-MM-DD")]
ParamsOption = Annotated[
    str, typer.Option("--params-as-of", help="judge by the dated parameters of this day")
]
ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        help="band, provider, amount, inputs.NAME, a factor; a number with cut points as x:10,20",
    ),
]
SeedOption = Annotated[int, whole("which sample", "--seed")]


def dimensions(by: str) -> tuple[str, ...]:
    """The names of `--by`, each with its cut points: a number belongs to the name before it."""
    found: list[str] = []
    for word in by.split(","):
        if found and ":" in found[-1] and not word[:1].isalpha():
            found[-1] += f",{word}"
        elif word:
            found.append(word)
    return tuple(found)

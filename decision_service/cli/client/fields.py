"""The options that name a request's fields, the same in every command."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated

import typer

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.numbers import whole

_INPUTS = "further input NAME=VALUE: 12, true, 2026-01-31, 'PHP 500', anything else is text"

UserOption = Annotated[str, typer.Option("--user-id", help="the Smile userId")]
ProductOption = Annotated[str, typer.Option("--product", help="the rules folder's name")]
ApplicationOption = Annotated[
    str, typer.Option("--application-id", help="your own reference of the application")
]
CustomerOption = Annotated[
    str, typer.Option("--customer-ref", help="your own reference of the customer")
]
AmountOption = Annotated[
    str | None, typer.Option("--amount", help="amount asked for, such as 20000 or 20000.50")
]
CurrencyOption = Annotated[str, typer.Option("--currency", help="of the amount, ISO 4217")]
InputOption = Annotated[list[str] | None, typer.Option("--input", help=_INPUTS)]
TextOption = Annotated[str, typer.Option("--text", help="up to 2,000 characters")]
RequestOption = Annotated[
    str, typer.Option("--request-id", help="makes a repeated call safe; else a new one")
]
LimitOption = Annotated[int, whole("at most this many, up to 500", "--limit", least=1, most=500)]
PageOption = Annotated[
    str, typer.Option("--page-token", help="the page after, as the page before names it")
]


def request_id(given: str) -> str:
    """The request id that was given, or a new one."""
    return given or str(uuid.uuid4())


class View(StrEnum):
    """How much of a decision is asked for."""

    BASIC = "basic"
    FULL = "full"

    @property
    def message(self) -> pb.DecisionView:
        """The view as requests name it."""
        return pb.DECISION_VIEW_FULL if self is View.FULL else pb.DECISION_VIEW_BASIC


ViewOption = Annotated[View, typer.Option("--view", help="full: with factors and rules")]

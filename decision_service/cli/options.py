"""Options of commands that call no server: their help needs none of what the commands import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, make_dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from decision_service.cli.output import ConfigOption, Format, FormatOption, InitOption

CaOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        envvar="DECISION_CLIENT_TLS_CA",
        help="authority of the server's certificate",
    ),
]


def _option(name: str, kind: Any, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _argument(kind: type, name: str, about: str) -> Any:
    return Annotated[kind, typer.Argument(metavar=name, help=about)]


_OPTIONS = (
    _option("folder", _argument(Path, "FOLDER", "a new folder, or one that is empty")),
    _option(
        "only_protos",
        Annotated[
            bool,
            typer.Option("--protos", help="write the protos and the service config for clients"),
        ],
        False,
    ),
    _option(
        "url", _argument(str, "URL", "where the service is reached: https://host/webhooks/smile")
    ),
    _option("webhook_id", _argument(str, "ID", "the webhook's id, as `webhooks list` shows it")),
    _option("key", _argument(str, "KEY", "the id of a key, as `list` prints it")),
    _option("config", ConfigOption, None),
    _option("form", FormatOption, Format.TABLE),
    _option("init", InitOption, False),
    _option(
        "store",
        Annotated[
            str, typer.Option("--store", help="the store's URL, instead of the configured one")
        ],
        "",
    ),
    _option(
        "file",
        Annotated[
            Path | None, typer.Option("--file", help="the file, instead of the configured one")
        ],
        None,
    ),
    _option(
        "name",
        Annotated[str, typer.Option("--name", help="shown by the vendor")],
        "decision-service",
    ),
    _option("tls_ca", CaOption, None),
    _option(
        "sample_form",
        Annotated[
            Literal["yaml", "env"],
            typer.Option("--format", help="yaml for --config, env for the environment"),
        ],
        "yaml",
    ),
    _option(
        "expected",
        Annotated[
            Path | None,
            typer.Option("--check", metavar="FILE", help="exit code 1 where it is not the sample"),
        ],
        None,
    ),
)
OPTIONS = {one.name: one for one in _OPTIONS}


def with_options(run: Callable[..., Any], options: Iterable[Parameter]) -> Callable[..., Any]:
    """What Typer reads these options from, and calls: it reads a signature, and a class has one."""
    return make_dataclass(
        "Options",
        [_declared(one) for one in options],
        namespace={"__post_init__": lambda given: run(**vars(given))},
        kw_only=True,
    )


def _declared(one: Parameter) -> tuple[str, Any] | tuple[str, Any, Any]:
    if one.default is Parameter.empty:
        return one.name, one.annotation
    return one.name, one.annotation, field(default=one.default)

"""Options of commands that call no server: their help needs none of what the commands import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, make_dataclass
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from typer import Argument, Option

from decision_service.cli.output import ConfigOption, Format, FormatOption, InitOption

CaOption = Annotated[
    Path | None,
    Option(
        "--tls-ca", envvar="DECISION_CLIENT_TLS_CA", help="authority of the server's certificate"
    ),
]


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """What a function takes, by keyword, with its annotations resolved."""
    hints = get_type_hints(function, include_extras=True)
    return [
        one.replace(annotation=hints[one.name], kind=Parameter.KEYWORD_ONLY)
        for one in signature(function).parameters.values()
    ]


def _options(
    folder: Annotated[Path, Argument(metavar="FOLDER", help="a new folder, or one that is empty")],
    url: Annotated[
        str,
        Argument(metavar="URL", help="where the service is reached: https://host/webhooks/smile"),
    ],
    webhook_id: Annotated[
        str, Argument(metavar="ID", help="the webhook's id, as `webhooks list` shows it")
    ],
    key: Annotated[str, Argument(metavar="KEY", help="the id of a key, as `list` prints it")],
    only_protos: Annotated[
        bool, Option("--protos", help="write the protos and the service config for clients")
    ] = False,
    only_deploy: Annotated[
        bool,
        Option("--deploy", help="write chart, compose file, units, front, alerts, backup scripts"),
    ] = False,
    config: ConfigOption = None,
    form: FormatOption = Format.TABLE,
    init: InitOption = False,
    store: Annotated[
        str, Option("--store", help="the store's URL, instead of the configured one")
    ] = "",
    file: Annotated[
        Path | None, Option("--file", help="the file, instead of the configured one")
    ] = None,
    take_over: Annotated[
        bool, Option("--take-over", help="seal entries that never were, the first time")
    ] = False,
    name: Annotated[str, Option("--name", help="shown by the vendor")] = "decision-service",
    tls_ca: CaOption = None,
    sample_form: Annotated[
        Literal["yaml", "env"],
        Option("--format", help="yaml for --config, env for the environment"),
    ] = "yaml",
    expected: Annotated[
        Path | None,
        Option("--check", metavar="FILE", help="exit code 1 where it is not the sample"),
    ] = None,
) -> None: ...


OPTIONS = {one.name: one for one in parameters(_options)}


def with_options(run: Callable[..., Any], options: Iterable[Parameter]) -> Callable[..., Any]:
    """What Typer reads these options from, and calls: it reads a signature, and a class has one."""

    def post_init(given: Any) -> None:
        run(**vars(given))

    return make_dataclass(
        "Options",
        [_declared(one) for one in options],
        namespace={"__post_init__": post_init},
        kw_only=True,
    )


def _declared(one: Parameter) -> tuple[str, Any] | tuple[str, Any, Any]:
    if one.default is Parameter.empty:
        return one.name, one.annotation
    return one.name, one.annotation, field(default=one.default)

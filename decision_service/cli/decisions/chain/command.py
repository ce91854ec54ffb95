"""`decisions chain`: all that happened to one application."""

from __future__ import annotations

from typing import Annotated

import typer

from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.decisions.chain.read import read_chain
from decision_service.cli.decisions.chain.show import chain_dict, chain_tree
from decision_service.cli.display.output import Format, FormatOption, console, print_json


@calls_server
def chain(
    decision_id: Annotated[
        str, typer.Argument(metavar="ID", help="dec_…, any decision on the application")
    ],
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show all that happened to one application.

    Its decisions, reviews with every step, letters and loans, and what stands. For the role read.
    """
    links = read_chain(server, decision_id)
    if form is Format.JSON:
        print_json(chain_dict(links))
    else:
        console().print(chain_tree(links))

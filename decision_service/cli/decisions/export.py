"""`decisions export`: a recorded decision for other uses, without the person's data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.cli.client.calls import call, decisions, rulesets
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.decisions.fixture import fixture
from decision_service.cli.errors import CommandError, Exit


@calls_server
def export(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="dec_…")],
    as_fixture: Annotated[
        bool, typer.Option("--fixture", help="as a rule test, masked: the one form there is")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="a new file; standard output without it")
    ] = None,
    *,
    server: ServerOptions,
) -> None:
    """Write a decision as a rule test for rules/<product>/tests, without the person's data."""
    if not as_fixture:
        raise CommandError("say what to write: --fixture makes a rule test", Exit.USAGE)
    request = service_pb.GetDecisionRequest(decision_id=decision_id, view=pb.DECISION_VIEW_FULL)
    with decisions(server) as stub:
        decision = call(stub.GetDecision, request, server).decision
    text = fixture(decision, _rules_of(decision, server))
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text)


def _rules_of(decision: pb.Decision, server: ServerOptions) -> rules_pb.Ruleset:
    """The version that decided, as the server has it now."""
    version = decision.ruleset_ref.version
    if not version:
        return rules_pb.Ruleset()
    request = rules_pb.GetRulesetRequest(product=decision.product, version=version)
    with rulesets(server) as stub:
        found: rules_pb.Ruleset = call(stub.GetRuleset, request, server).ruleset
    return found


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another name", Exit.USAGE) from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}): choose another place", Exit.USAGE
        ) from None

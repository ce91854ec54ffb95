"""Pages of rules: versions and the register, what a version changes, and evidence of a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import groupby, islice
from typing import Any

import grpc
import msgspec
from jinja2 import UndefinedError
from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.console.service import Refused
from decision_service.console.web import UPLOAD_BYTES, Pages, Visit
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import read
from decision_service.rules.program import RulesetFiles
from decision_service.workbench.backtest import render
from decision_service.workbench.backtest.report import ImpactReport, ProofAnswer
from decision_service.workbench.changes import WrittenChange, compare_parts
from decision_service.workbench.diff import _parts_of, _rows, as_map

ROWS = 50
"""How many rows of each table of a shown file a page has."""

LONGEST = 6_000
"""How many characters of each text of it."""

MOST = 100_000
"""How much of it a page has in all."""

_SHOWN: dict[str, Any] = {
    "rate": render.rate,
    "interval": render.interval,
    "number": render.number,
    "amount": render.money,
}
_UNFIT = (ArithmeticError, ValueError, LookupError, UndefinedError)
"""What a document that only looks like a report makes of its sentences."""


Line = Mapping[str, str | int | None]


class Proof(msgspec.Struct, frozen=True, rename={"since": "from"}):
    """What `rules prove --format json` prints."""

    claim: str
    result: ProofAnswer
    since: str
    digests: Mapping[str, str]
    periods: int = 1
    why: str = ""
    as_of: str = ""
    differs_from_typical: Sequence[str] = ()
    verdicts: Sequence[Line] = ()
    differences: Sequence[str] = ()
    case: str = ""


class Figures(msgspec.Struct, frozen=True):
    percent: int
    changes: int
    marked: int
    unnoticed: Sequence[Line]


class Tested(msgspec.Struct, frozen=True):
    """What `rules test --format json` prints of a version."""

    ruleset: str
    version: int
    passed: int
    failed: Sequence[Line]
    coverage: int
    missed: Sequence[Line]
    figures: Figures | None = None


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/rules", _rules),
        pages.route("/rules/evidence", _ask),
        pages.route("/rules/evidence", _show, "POST"),
        pages.route("/rules/{product}/v{version:int}", _version),
    ]


def _rules(visit: Visit) -> Response:
    listed = visit.service.call("RulesetService.ListRulesets")
    register = visit.service.call("RulesetService.ListPublications").publications
    return visit.page("rules.html", listed=listed, register=register)


def _version(visit: Visit) -> Response:
    """A version, and in words what it changes against another one."""
    product, number = visit.path["product"], visit.path["version"]
    listed = visit.service.call("RulesetService.ListRulesets", product=product)
    versions = {one.ref.version: one for one in listed.rulesets}
    if number not in versions:
        message = f"no version v{number} of {product} is loaded: choose one of the rules"
        raise Refused(grpc.StatusCode.NOT_FOUND, message)
    against = compared_with(number, versions, visit.query.get("against", ""))
    shown, other = (
        visit.service.call("RulesetService.GetRuleset", product=product, version=one).ruleset
        for one in (number, against or number)
    )
    changes = written((f"v{against}.yaml", other.source), (f"v{number}.yaml", shown.source))
    register = visit.service.call("RulesetService.ListPublications").publications
    return visit.page(
        "version.html",
        one=shown,
        other=other if against else None,
        versions=versions,
        groups=[(group, [*found]) for group, found in groupby(changes, lambda one: one.group)],
        in_force=listed.in_force,
        published=next((each for each in register if each.in_force), None),
    )


def compared_with(number: int, versions: Mapping[int, pb.Ruleset], asked: str) -> int:
    """The version that was asked for, else the champion, of which the one before; 0 for none."""
    others = [one for one in versions if one != number]
    found = [one for one in others if str(one) == asked]
    found += [one for one in others if versions[one].role == "champion"]
    return next(iter(found), max((one for one in others if one < number), default=0))


@lru_cache(16)
def written(before: tuple[str, str], after: tuple[str, str]) -> Sequence[WrittenChange]:
    """What two rule files say differently, each by its name and text.

    Tables in files of their own, and what products share, are not in them.
    """
    files = RulesetFiles("", *before), RulesetFiles("", *after)
    old, new = (as_map(read(one.path, one.text, Report())) for one in files)
    more = _rows((old, new), files)
    return compare_parts(_parts_of(old), _parts_of(new), more)


def _ask(visit: Visit, problem: str = "") -> Response:
    return visit.page("evidence.html", 400 if problem else 200, problem=problem, kind="")


def _show(visit: Visit) -> Response:
    """What an uploaded file says, and whether a publication rests on it; nothing is kept."""
    file = visit.form.get("file")
    content = file.file.read() if isinstance(file, UploadFile) else b""
    if not content:
        return _ask(visit, "No file was sent, or an empty one: choose a file.")
    if len(content) > UPLOAD_BYTES:
        return _ask(visit, "The file has more than 5 MB: choose what the command wrote.")
    listed = visit.service.call("RulesetService.ListRulesets").rulesets
    register = visit.service.call("RulesetService.ListPublications").publications
    digest = sha256(content).hexdigest()
    try:
        kind, found = read_evidence(content)
        return visit.page(
            "evidence.html",
            problem="",
            kind=kind,
            found=found,
            digest_of=digest,
            named=[one for one in register if digest in (one.impact_digest, one.proofs_digest)],
            versions={one.ref.digest: f"{one.ref.ruleset} v{one.ref.version}" for one in listed},
            whole=kind != "impact" or _is_whole(content),
            lines=[*render.headline(found), *render.honesty(found)] if kind == "impact" else [],
            **_SHOWN,
        )
    except msgspec.DecodeError as error:
        words = f"The file is not what one of these commands wrote ({str(error)[:200]})."
    except RecursionError:
        words = "The file is nested too deeply: choose what the command wrote."
    except _UNFIT:
        words = "Figures are lacking in the file, or are none: choose what the command wrote."
    return _ask(visit, words)


def read_evidence(content: bytes) -> tuple[str, Any]:
    """What a file is, and what it says as far as a page shows it; raises msgspec.DecodeError."""
    document = bounded(msgspec.json.decode(content))
    if len(msgspec.json.encode(document)) > MOST:
        raise msgspec.ValidationError("it says more than a page can show")
    if isinstance(document, list):
        return "tests", msgspec.convert(document, list[Tested])
    if isinstance(document, dict) and "claim" in document:
        return "proofs", msgspec.convert(document, Proof)
    return "impact", msgspec.convert(document, ImpactReport)


def bounded(value: Any) -> Any:
    """A document with the first rows of each list and the beginning of each text."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    if isinstance(value, list):
        return [bounded(one) for one in value[:ROWS]]
    if isinstance(value, dict):
        return {bounded(key): bounded(one) for key, one in islice(value.items(), ROWS)}
    return value


def _is_whole(content: bytes) -> bool:
    """Whether the figures of an impact report are those of its own digest."""
    try:
        render.decoded(content, ImpactReport)
    except msgspec.DecodeError:
        return False
    return True

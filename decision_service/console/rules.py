"""Pages of rules: versions, releases and how they are confirmed, and evidence of a change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from itertools import groupby, islice
from typing import Any

import msgspec
from jinja2 import UndefinedError
from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.author.backtest import render
from decision_service.author.backtest.report import ImpactReport
from decision_service.cli.releases import WAITING, state_words
from decision_service.console.service import Refused
from decision_service.console.web import Handler, Pages, Visit, sentence
from decision_service.rulebook.differences import compare_texts

ROWS = 50
"""How many rows of each table of a shown file a page has."""

LONGEST = 6_000
"""How many characters of each text of it."""

MOST = 100_000
"""How much of it a page has in all."""

# These go next to the form, which can be mended, or shows what has changed meanwhile.
_ON_THE_PAGE = frozenset({"INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED"})
_STEPS = {
    "confirm": (
        "RulesetService.ConfirmRelease",
        ("digest", "position", "accepted", "why", "ticket"),
    ),
    "decline": ("RulesetService.DeclineRelease", ("digest", "why", "ticket")),
    "revert": ("RulesetService.RevertRelease", ("position", "with_lists", "why", "ticket")),
}
"""By the last part of its path: the method, and the fields that its form has."""

STEPS_SAID = {
    "take-over": "taken over from before, approved by nobody",
    "propose": "proposed",
    "confirm": "confirmed as the first",
    "decline": "declined",
    "release": "put in force",
    "revert": "gone back to",
}
"""What a step is called, by its action; who took it follows, where it was a person."""

_UNFIT = (RecursionError, ArithmeticError, ValueError, LookupError, TypeError)
"""What a document that is not that of a command makes of its page, next to what it lacks."""


def routes(pages: Pages) -> list[Route]:
    return [
        pages.route("/rules", _rules),
        pages.route("/rules/releases/{digest}", _release),
        pages.route("/rules/releases/{digest}/confirm", _step("confirm"), "POST", weighty=True),
        pages.route("/rules/releases/{digest}/decline", _step("decline"), "POST"),
        pages.route("/rules/releases/{digest}/revert", _step("revert"), "POST", weighty=True),
        pages.route("/rules/evidence", _ask),
        pages.route("/rules/evidence", _show, "POST", has_file=True),
        pages.route("/rules/{product}/v{version:int}", _version),
    ]


def _rules(visit: Visit) -> Response:
    listed = visit.service.call("RulesetService.ListRulesets")
    journal = visit.service.call("RulesetService.ListReleases", page_size=20)
    return visit.page(
        "rules.html", listed=listed, journal=journal, state=state_words, said_of=STEPS_SAID
    )


def _release(visit: Visit, refused: Refused | None = None) -> Response:
    """One release; after a refusal with what was ticked and typed."""
    digest = visit.path["digest"]
    found = visit.service.call("RulesetService.GetRelease", digest=digest)
    return visit.page(
        "release.html",
        409 if refused else 200,
        one=found.release,
        found=found,
        state=state_words(found.release),
        waits=found.release.state in WAITING,
        problem=sentence(refused) if refused else "",
        ticked={*_ticked(visit)},
        typed=visit.text,
        said_of=STEPS_SAID,
    )


def _ticked(visit: Visit) -> list[str]:
    return [str(value) for name, value in visit.form.multi_items() if name == "accepted"]


def _step(step: str) -> Handler:
    """The handler of a form: it takes the step, and shows the release since."""

    def take(visit: Visit) -> Response:
        position = visit.text("position")
        given: dict[str, Any] = {
            "digest": visit.path["digest"],
            # With 19 digits it may be more than the int64 of the message holds.
            "position": int(position) if position.isdecimal() and len(position) < 19 else 0,
            "accepted": _ticked(visit),
            "why": visit.text("why"),
            "ticket": visit.text("ticket"),
            "with_lists": bool(visit.text("with_lists")),
        }
        method, fields = _STEPS[step]
        try:
            reply = visit.service.call(method, **{name: given[name] for name in fields})
        except Refused as refused:
            if refused.code.name not in _ON_THE_PAGE:
                raise
            return _release(visit, refused)
        return visit.go(f"/rules/releases/{reply.release.digest}")

    return take


def _ruleset(visit: Visit, product: str, number: Any) -> Any:
    return visit.service.call("RulesetService.GetRuleset", product=product, version=number).ruleset


def _version(visit: Visit) -> Response:
    """A version, and in words what it changes against another one."""
    product = visit.path["product"]
    number = visit.path["version"]
    listed = visit.service.call("RulesetService.ListRulesets", product=product)
    versions = {one.ref.version: one for one in listed.rulesets}
    against = compared_with(number, versions, visit.query.get("against", ""))
    shown = _ruleset(visit, product, number)
    other = _ruleset(visit, product, against or number)
    changes = _compared(other.source, shown.source)
    return visit.page(
        "version.html",
        one=shown,
        other=other if against else None,
        versions=versions,
        groups=[(group, [*found]) for group, found in groupby(changes, lambda one: one.group)],
        in_force=listed.in_force,
        release=listed.release if listed.HasField("release") else None,
        said_of=STEPS_SAID,
    )


# The text of a version never changes, so that a comparison holds for ever.
_compared = lru_cache(16)(compare_texts)


def compared_with(number: int, versions: Mapping[int, pb.Ruleset], asked: str) -> int:
    """The version that was asked for, else the champion, of which the one before; 0 for none."""
    others = [one for one in versions if one != number]
    found = [one for one in others if str(one) == asked]
    found += [one for one in others if versions[one].role == "champion"]
    return next(iter(found), max((one for one in others if one < number), default=0))


def _ask(visit: Visit, problem: str = "") -> Response:
    return visit.page("evidence.html", 400 if problem else 200, problem=problem, kind="")


def _show(visit: Visit) -> Response:
    """What an uploaded file says, and which loaded version it is about; nothing is kept."""
    file = visit.form.get("file")
    content = b""
    if isinstance(file, UploadFile):
        # The parser leaves it at its end.
        file.file.seek(0)
        content = file.file.read()
    if not content:
        return _ask(visit, "No file was sent, or an empty one: choose a file.")
    listed = visit.service.call("RulesetService.ListRulesets").rulesets
    digest = sha256(content).hexdigest()
    try:
        kind, found = read_evidence(content)
        return visit.page(
            "evidence.html",
            problem="",
            kind=kind,
            found=found,
            digest_of=digest,
            versions={one.ref.digest: f"{one.ref.ruleset} v{one.ref.version}" for one in listed},
            whole=kind != "impact" or _is_whole(content),
            render=render,
        )
    except (msgspec.DecodeError, UndefinedError, *_UNFIT) as error:
        place = f" ({str(error)[:200]})" if isinstance(error, msgspec.DecodeError) else ""
        words = f"The file is not what one of these commands wrote{place}: choose another."
        return _ask(visit, words)


def read_evidence(content: bytes) -> tuple[str, Any]:
    """What a file is, and what it says as far as a page shows it; raises msgspec.DecodeError.

    A report is checked whole; of proofs and results of tests the page finds out what they lack.
    """
    document = bounded(msgspec.json.decode(content))
    if len(msgspec.json.encode(document)) > MOST:
        raise msgspec.ValidationError("it says more than a page can show")
    if isinstance(document, list):
        return "tests", document
    if isinstance(document, dict) and "claim" in document:
        return "proofs", document
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

"""Releases of rules for people: what decides, what waits, what one changes and loosens."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from decision_service.api.v1 import ruleset_service_pb2 as ruleset_pb
from decision_service.cli.output import as_typed, print_lines
from decision_service.cli.views import instant_text
from decision_service.server.transport.wire import enum_name

DIGITS = 16
"""How many digits of a digest are shown."""

WAITING = frozenset({ruleset_pb.RELEASE_STATE_WAITING, ruleset_pb.RELEASE_STATE_CONFIRMED_ONCE})


def print_releases(reply: ruleset_pb.ListReleasesResponse) -> None:
    """A line for each release and one for each of its steps."""
    lines: list[str] = []
    for one in reply.releases:
        lines += release_lines(one)
    print_lines(*lines or ("No release was proposed yet.",))


def print_release(reply: ruleset_pb.GetReleaseResponse) -> None:
    """What it changes and loosens, and how it is confirmed."""
    release = reply.release
    changes = reply.changes or ("Nothing differs.",)
    print_lines(*release_lines(release), *changes, *reply.claims)
    if release.state not in WAITING:
        return
    names = "".join(f" --accepted {shlex.quote(one.name)}" for one in reply.loosenings)
    command = f"decision-service rules confirm {release.digest[:DIGITS]}"
    print_lines(
        "To confirm it:",
        as_typed(f"  {command} --position {reply.position}{names} --why 'the reason'"),
    )


def print_step(release: ruleset_pb.Release) -> None:
    """What became of a release by a step, and what comes next where it still waits."""
    print_lines(*release_lines(release))
    if release.state == ruleset_pb.RELEASE_STATE_CONFIRMED_ONCE:
        print_lines("Another person confirms it now, with the role `rules_approve`.")
    if release.state == ruleset_pb.RELEASE_STATE_WAITING:
        command = f"decision-service rules show {release.digest[:DIGITS]}"
        print_lines("Two persons confirm it; what it changes:", as_typed(f"  {command}"))


def state_words(release: ruleset_pb.Release) -> str:
    """`waiting`, `in force`: what became of a release."""
    name = enum_name(ruleset_pb.ReleaseState.DESCRIPTOR, release.state)
    return name.removeprefix("RELEASE_STATE_").lower().replace("_", " ")


def release_lines(release: ruleset_pb.Release) -> Iterator[str]:
    authors = f", written by {', '.join(release.authors)}" if release.authors else ""
    ends = f", until {instant_text(release.expire_time)}" if release.HasField("expire_time") else ""
    yield f"{release.digest[:DIGITS]} {state_words(release)}{ends}{authors}"
    for step in release.steps:
        who = f"{step.caller} {step.subject}".strip()
        why = f": {step.why}" if step.why else ""
        ticket = f" ({step.ticket})" if step.ticket else ""
        yield f"  {step.position} {instant_text(step.time)} {step.action} by {who}{why}{ticket}"

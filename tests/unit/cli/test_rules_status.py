"""What `rules status` says of a server's rules, from its reply."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.cli.status import list_lines, reading_lines

READ = Timestamp(seconds=1_795_305_600)


def test_a_refused_edit_is_shown_with_its_problem() -> None:
    """The last good versions go on, and the problem is there as `rules check` prints it."""
    problem = pb.Problem(rendered="rules/p/v1.yaml:3:1: error R204: unknown factor")
    first, second = reading_lines(pb.ListRulesetsResponse(read_time=READ, refused=[problem]))
    assert "REFUSED; the versions above go on" in first
    assert second == problem.rendered


def test_what_was_accepted_is_what_the_server_decides_by() -> None:
    """One sentence with the instant of the reading."""
    (line,) = reading_lines(pb.ListRulesetsResponse(read_time=READ))
    assert line.startswith("The rules folder was read at 2026-11-")
    assert "REFUSED" not in line


def test_processes_that_decide_by_other_rules_are_told() -> None:
    """Replicas whose folders differ are named by the digest of all their rules."""
    here = pb.RulesInForce(digest="a" * 64, processes=2, here=True)
    other = pb.RulesInForce(digest="b" * 64, processes=1)
    reply = pb.ListRulesetsResponse(read_time=READ, in_force=[here, other])
    _, line = reading_lines(reply)
    assert line.startswith("RULES_DIFFER: 1 of the processes")
    assert "bbbbbbbbbbbb" in line


def test_lists_are_shown_with_their_changes() -> None:
    """Each list with its keys, then the journal: when, from what to what, and who published."""
    keys = pb.KeyList(product="p", name="blocked", digest="c" * 64, keys=2, hashed=True)
    change = pb.ListChange(
        time=READ,
        published_by="Maria",
        path="p/lists/blocked.csv",
        digest_after="c" * 64,
        keys=2,
        added=2,
    )
    first, second = list_lines(pb.ListRulesetsResponse(lists=[keys], list_changes=[change]))
    assert first == "p asks lists.blocked: 2 hashed keys, cccccccccccc"
    assert "p/lists/blocked.csv changed from none to cccccccccccc" in second
    assert second.endswith("(2 added, 0 removed, 2 now), published by Maria")

"""Rule evaluation beside zen-engine, on the reference set, answers compared first."""

from __future__ import annotations

from bench.figures import report, timed
from bench.ours import Ours
from bench.reference import Answer, answer, applicants
from bench.zen_peer import ZenPeer
from decision_service.ruleset.explain import traces

COUNT = 300


def compare(peers: list[Ours | ZenPeer]) -> None:
    """Stop where an engine does not give the obvious answer: wrong ones are not timed."""
    for values in applicants(COUNT):
        expected = answer(values)
        for peer in peers:
            got = peer.answer(peer.prepare(values))
            if not _same(got, expected):
                raise SystemExit(f"{peer.name} answers {got}, expected {expected}")


def _same(got: Answer, expected: Answer) -> bool:
    known = got.multiple is None or expected.multiple is None or got.multiple == expected.multiple
    return known and (got.held, got.score, got.band) == (
        expected.held,
        expected.score,
        expected.band,
    )


def run() -> None:
    """Print the table."""
    ours, zen = Ours(), ZenPeer()
    compare([ours, zen])
    facts = [ours.prepare(values) for values in applicants(COUNT)]
    prepared = [zen.prepare(values) for values in applicants(COUNT)]
    shown = [(ours.ruleset, ours.evaluate(one)) for one in facts]
    report(
        "rules",
        [
            timed(
                "zen-engine, with trace",
                lambda: [zen.evaluate(p, trace=True) for p in prepared],
                COUNT,
            ),
            timed("zen-engine", lambda: [zen.evaluate(p, trace=False) for p in prepared], COUNT),
            timed("ours, with trace and reasons", lambda: [ours.evaluate(f) for f in facts], COUNT),
            timed("ours, the trace made readable", lambda: [traces(*s) for s in shown], COUNT),
        ],
        "zen-engine, with trace",
        ["zen-engine"],
    )

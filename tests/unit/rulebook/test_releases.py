"""Which entry may follow in the journal of releases: who confirms what, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.errors import ReleaseRefused
from decision_service.rulebook.releases import (
    DECIDING,
    MOST_OPEN,
    PROPOSAL_LASTS,
    REVERT_WITHIN,
    SIGNED_IN_WITHIN,
    Confirmation,
    Confirmer,
    ReleaseAction,
    ReleaseEntry,
    Releases,
    ReleaseState,
    confirmed,
    content_before,
    declined,
    not_proposed,
    proposal,
    reverted,
)
from tests.fakes.examples import examples
from tests.fakes.world import NOW

MINUTE = timedelta(minutes=1)
ISSUER = "https://id.example"
OLD, NEW, NEXT = ("0" * 64, "a" * 64, "b" * 64)


def person(name: str, caller: str = "office", issuer: str = ISSUER, **more: object) -> Confirmer:
    """Somebody who signed in just now by the provider."""
    signed_in = more.pop("signed_in", NOW)
    return Confirmer(Actor(caller, TokenSubject(issuer, name)), signed_in, **more)  # type: ignore[arg-type]  # of `more`


JUANA, BEN, CARLA = (person(name) for name in ("juana", "ben", "carla"))


def entry(position: int, action: str, digest: str = NEW, **more: object) -> ReleaseEntry:
    given = {"at": NOW, "base": 1, **more}
    return ReleaseEntry(position, action=ReleaseAction(action), digest=digest, **given)  # type: ignore[arg-type]  # of `given`


DECIDES = entry(1, "release", OLD, base=0)
WAITS = entry(2, "propose", authors=("ana", "los"))
ONCE = entry(3, "confirm", about=2, by=JUANA.actor)


def journal(*entries: ReleaseEntry) -> Releases:
    return Releases(entries)


WAITING = journal(DECIDES, WAITS)
CONFIRMED_ONCE = journal(DECIDES, WAITS, ONCE)
ASKED = Confirmation(
    NEW, 1, accepted=("a guarantee gone", "more"), why="looked at it", ticket="R-7"
)


def confirm(
    releases: Releases = CONFIRMED_ONCE,
    by: Confirmer = BEN,
    asked: Confirmation = ASKED,
    **more: object,
) -> ReleaseEntry:
    terms = {"now": NOW, "loosenings": ("a guarantee gone",), "first_may": True, **more}
    return confirmed(releases, asked, by, **terms)  # type: ignore[arg-type]  # of `terms`


def test_the_first_of_two_persons_confirms_and_the_second_releases() -> None:
    """Each entry says who, when they signed in, why, and what they accepted."""
    first = confirm(WAITING, JUANA)
    assert first == entry(
        3,
        "confirm",
        about=2,
        by=JUANA.actor,
        signed_in=NOW,
        why="looked at it",
        ticket="R-7",
        accepted=ASKED.accepted,
    )
    second = confirm(journal(DECIDES, WAITS, first))
    assert (second.position, second.action, second.by) == (4, "release", BEN.actor)
    after = journal(DECIDES, WAITS, first, second)
    assert after.in_force == second
    assert after.state(OLD, NOW) is ReleaseState.REPLACED
    assert after.state(NEW, NOW) is ReleaseState.IN_FORCE


TAKEN = {
    "two persons of one caller": {"by": person("ben")},
    "one person's name at two issuers, of two callers": {
        "by": person("juana", "other", "https://else.example")
    },
    "two callers without persons": {
        "releases": journal(DECIDES, WAITS, replace(ONCE, by=Actor("juana"))),
        "by": Confirmer(Actor("ben")),
    },
    "signed in a quarter of an hour ago": {"by": person("ben", signed_in=NOW - SIGNED_IN_WITHIN)},
    "at the last moment": {
        "now": NOW + PROPOSAL_LASTS - MINUTE,
        "by": person("ben", signed_in=NOW + PROPOSAL_LASTS),
    },
}


@pytest.mark.parametrize("how", TAKEN.values(), ids=TAKEN)
def test_another_person_who_signed_in_lately_releases(how: dict[str, object]) -> None:
    assert confirm(**how).action is ReleaseAction.RELEASE  # type: ignore[arg-type]  # of a table


AUTHOR = "is an author of this folder: two other persons confirm it"
REFUSED = {
    "the author, by the caller's name": ({"by": person("ben", "ana")}, f"ben {AUTHOR}"),
    "the author, by the person's name": ({"by": person("los")}, f"los {AUTHOR}"),
    "the author alone, first": ({"releases": WAITING, "by": person("ana")}, f"ana {AUTHOR}"),
    "the same person": (
        {"by": JUANA},
        f"juana confirmed the release {NEW[:16]} first: another person confirms now",
    ),
    "the same person by another caller": (
        {"by": person("juana", "other")},
        f"juana confirmed the release {NEW[:16]} first: another person confirms now",
    ),
    "the same caller, whoever it is": (
        {"by": Confirmer(Actor("office"))},
        f"office confirmed the release {NEW[:16]} first: another person confirms now",
    ),
    "signed in too long ago": (
        {"by": person("ben", signed_in=NOW - SIGNED_IN_WITHIN - MINUTE)},
        (
            "ben signed in at 2026-11-24T03:44:00Z, more than 15 minutes ago: sign in again, then "
            "confirm"
        ),
    ),
    "no instant of the sign-in": (
        {"by": person("ben", signed_in=None)},
        (
            "the ID token of ben does not say when they signed in: have the provider put `auth_time` "  # noqa: E501
            "into it"
        ),
    ),
    "without the role": (
        {"by": person("ben", approves=False)},
        "ben has not the role `rules_approve`, which the second person needs",
    ),
    "compared with what no longer decides": (
        {"asked": replace(ASKED, position=0)},
        (
            f"you saw the release {NEW[:16]} compared with entry 0, and entry 1 decides since: look at "  # noqa: E501
            "what it changes now"
        ),
    ),
    "a loosening that is not ticked": (
        {"loosenings": ("more", "valid_for", "tags")},
        (
            "2 loosenings are not accepted, the first is `valid_for`: accept each by its name "
            "(`rules show` prints the command), or decline the release"
        ),
    ),
    "after three days": (
        {"now": NOW + PROPOSAL_LASTS},
        (
            f"the release {NEW[:16]} has waited for 72 hours: change the folder, and it is proposed "  # noqa: E501
            "again"
        ),
    ),
    "declined": (
        {"releases": journal(DECIDES, WAITS, ONCE, entry(4, "decline", about=2))},
        f"the release {NEW[:16]} was declined: change the folder, and it is proposed again",
    ),
    "overtaken": (
        {"releases": journal(DECIDES, WAITS, entry(3, "release", NEXT))},
        (
            f"the release {NEW[:16]} was compared with rules that no longer decide: change the folder, "  # noqa: E501
            "and it is proposed again"
        ),
    ),
    "decides": (
        {"releases": journal(DECIDES, WAITS, ONCE, entry(4, "release", about=2))},
        f"the release {NEW[:16]} decides already",
    ),
    "decided": (
        {"asked": replace(ASKED, digest=OLD), "releases": journal(DECIDES, entry(2, "release"))},
        f"the release {OLD[:16]} decided before: go back to it by `decision-service rules revert`",
    ),
    "unknown": (
        {"asked": replace(ASKED, digest=NEXT)},
        (
            f"the release {NEXT[:16]} was never proposed here: look at `decision-service rules "
            "releases`"
        ),
    ),
}


@pytest.mark.parametrize(("how", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_confirmation_is_refused_by_name(how: dict[str, object], sentence: str) -> None:
    with pytest.raises(ReleaseRefused) as refused:
        confirm(**how)  # type: ignore[arg-type]  # of a table
    assert refused.value.message == sentence


def test_whose_role_was_taken_since_counts_no_longer() -> None:
    """The next person is the first then, also the same one once the role is back."""
    for by in (BEN, JUANA):
        step = confirm(by=by, first_may=False)
        assert step.action is ReleaseAction.CONFIRM
        again = journal(*CONFIRMED_ONCE.entries, step)
        with pytest.raises(ReleaseRefused, match="confirmed the release"):
            confirm(again, by)
        assert confirm(again, CARLA).action is ReleaseAction.RELEASE


def test_one_person_is_enough_where_that_is_said() -> None:
    assert confirm(WAITING, one_is_enough=True).action is ReleaseAction.RELEASE
    with pytest.raises(ReleaseRefused, match="rules_approve"):
        confirm(WAITING, person("ben", approves=False), one_is_enough=True)


def test_a_confirmation_of_before_does_not_count_for_what_is_proposed_again() -> None:
    again = entry(5, "propose", at=NOW + PROPOSAL_LASTS)
    later = journal(*CONFIRMED_ONCE.entries, entry(4, "propose", NEXT), again)
    now = again.at + MINUTE
    assert confirm(later, person("ben", signed_in=now), now=now).action is ReleaseAction.CONFIRM


def test_what_waits_was_declined_or_has_decided_proposes_nothing() -> None:
    """So an older folder takes nothing back, and a restart asks nobody a second time."""
    before = "was approved before and takes nothing back"
    assert not_proposed(WAITING, NEW, NOW) == "waits for two persons already"
    assert not_proposed(WAITING, OLD, NOW).startswith(before)
    assert not_proposed(journal(DECIDES, entry(2, "release")), NEW, NOW).startswith(before)
    for next_one in (entry(4, "release", NEXT), entry(4, "propose", NEXT)):
        gone = journal(DECIDES, WAITS, entry(3, "decline", about=2), next_one)
        assert not_proposed(gone, NEW, NOW + PROPOSAL_LASTS).startswith("was declined: change")
    assert not_proposed(WAITING, NEXT, NOW) == ""
    assert proposal(WAITING, NEXT, NOW) == entry(3, "propose", NEXT, base=WAITING.base)


def test_what_ran_out_or_was_overtaken_is_proposed_anew() -> None:
    later = NOW + PROPOSAL_LASTS
    assert not_proposed(WAITING, NEW, later) == ""
    assert proposal(WAITING, NEW, later) == entry(3, "propose", at=later)
    overtaken = journal(DECIDES, WAITS, entry(3, "release", NEXT))
    assert not_proposed(overtaken, NEW, NOW) == ""
    assert proposal(overtaken, NEW, NOW) == entry(4, "propose", base=3)


def test_eight_wait_at_most() -> None:
    """One that is declined, runs out or is overtaken makes room."""
    many = [entry(2 + number, "propose", f"{number:064x}") for number in range(1, 1 + MOST_OPEN)]
    full = journal(DECIDES, *many)
    with pytest.raises(ReleaseRefused, match="8 releases wait already: confirm or decline one"):
        proposal(full, NEW, NOW)
    for room, now in (
        (journal(*full.entries, entry(11, "decline", many[0].digest, about=3)), NOW),
        (journal(*full.entries, entry(11, "release", many[0].digest, about=3)), NOW),
        (full, NOW + PROPOSAL_LASTS),
    ):
        assert proposal(room, NEW, now) is not None


STATES = {
    ReleaseState.WAITING: (WAITING, NOW),
    ReleaseState.CONFIRMED_ONCE: (CONFIRMED_ONCE, NOW),
    ReleaseState.EXPIRED: (CONFIRMED_ONCE, NOW + PROPOSAL_LASTS),
    ReleaseState.DECLINED: (journal(DECIDES, WAITS, entry(3, "decline", about=2)), NOW),
    ReleaseState.STALE: (journal(DECIDES, WAITS, entry(3, "release", NEXT)), NOW),
    ReleaseState.IN_FORCE: (journal(DECIDES, WAITS, ONCE, entry(4, "release", about=2)), NOW),
    ReleaseState.REPLACED: (
        journal(DECIDES, WAITS, ONCE, entry(4, "release"), entry(5, "revert", OLD)),
        NOW,
    ),
}


@pytest.mark.parametrize("state", ReleaseState)
def test_what_became_of_content_follows_from_the_journal(state: ReleaseState) -> None:
    releases, now = STATES[state]
    assert releases.state(NEW, now) is state


def test_a_release_is_declined_with_a_reason() -> None:
    step = declined(CONFIRMED_ONCE, ASKED, CARLA, NOW)
    assert (step.action, step.about, step.why) == ("decline", 2, "looked at it")
    with pytest.raises(ReleaseRefused, match="declined with a reason: say why"):
        declined(CONFIRMED_ONCE, replace(ASKED, why=""), CARLA, NOW)
    with pytest.raises(ReleaseRefused, match="was declined"):
        declined(journal(*CONFIRMED_ONCE.entries, step), ASKED, CARLA, NOW)


RELEASED = replace(entry(4, "release", about=2), by=BEN.actor)
AFTER = journal(DECIDES, WAITS, ONCE, RELEASED)
BACK = Confirmation(OLD, 4, why="too many approvals")


def revert(
    releases: Releases = AFTER, by: Confirmer = CARLA, to: int = 0, **more: object
) -> ReleaseEntry:
    """Go back as the service does where lists are as they were."""
    asked = replace(BACK, position=releases.base, **more)
    at = by.signed_in or NOW
    before = content_before(releases, asked, to)
    return reverted(releases, replace(asked, digest=before.digest), by, before, at=at)


def test_one_person_goes_back_to_the_release_before() -> None:
    step = revert()
    assert (step.position, step.action, step.digest, step.about) == (5, "revert", OLD, 4)
    after = journal(*AFTER.entries, step)
    assert after.in_force == step
    assert after.base_of(OLD) in (None, RELEASED)


LATER = NOW + REVERT_WITHIN
TWO_AFTER = journal(*AFTER.entries, entry(5, "release", NEXT, base=4))
REVERTED = journal(*AFTER.entries, entry(5, "revert", OLD, base=4))


@pytest.mark.parametrize(
    ("releases", "by", "to", "alone"),
    [
        (AFTER, person("ben", signed_in=LATER), 0, True),
        (AFTER, person("ben", signed_in=LATER + MINUTE), 0, False),
        (TWO_AFTER, CARLA, 4, True),
        (TWO_AFTER, CARLA, 1, False),
        (REVERTED, CARLA, 0, False),
        (REVERTED, CARLA, 4, False),
    ],
    ids=[
        "within a day",
        "after a day",
        "the one before by its position",
        "further back",
        "back from a revert",
        "forth again from a revert",
    ],
)
def test_going_back_alone_is_once_within_a_day_and_one_release_far(
    releases: Releases, by: Confirmer, to: int, *, alone: bool
) -> None:
    """Else what was decided by waits for two persons, as a folder does."""
    assert revert(releases, by, to).action == ("revert" if alone else "propose")


def test_content_with_lists_of_now_has_a_base_too() -> None:
    """What one person went back to may be content that was never proposed."""
    before = content_before(AFTER, BACK, 0)
    step = reverted(AFTER, replace(BACK, digest=NEXT), CARLA, before, at=NOW)
    assert journal(*AFTER.entries, step).base_of(NEXT) == RELEASED


FULL = journal(*REVERTED.entries, *(entry(6 + n, "propose", f"{n:064x}", base=5) for n in range(8)))
NOT_BACK = {
    "another release decides": (
        AFTER,
        {"asked": replace(BACK, position=1)},
        "entry 4 decides, and not entry 1: look again",
    ),
    "nothing decides": (journal(), {}, "entry 0 decides, and not entry 4: look again"),
    "no reason": (
        AFTER,
        {"asked": replace(BACK, why="")},
        "a release is taken back with a reason: say why",
    ),
    "nothing before": (
        journal(DECIDES),
        {"asked": replace(BACK, position=1)},
        "there is no release before entry 1 to go back to",
    ),
    "no release": (AFTER, {"to": 3}, "there is no release before entry 4 to go back to"),
    "what decides": (AFTER, {"to": 4}, "there is no release before entry 4 to go back to"),
    "the same content": (
        AFTER,
        {"asked": replace(BACK, digest=NEW)},
        f"the release {NEW[:16]} decides already: there is nothing to go back to",
    ),
    "an old sign-in": (
        AFTER,
        {"by": person("ben", signed_in=NOW - SIGNED_IN_WITHIN - MINUTE)},
        (
            "ben signed in at 2026-11-24T03:44:00Z, more than 15 minutes ago: sign in again, then "
            "confirm"
        ),
    ),
    "eight wait": (
        FULL,
        {"asked": replace(BACK, digest=NEW, position=5), "to": 4},
        "8 releases wait already: confirm or decline one of them, then propose again",
    ),
    "it waits": (
        journal(*REVERTED.entries, entry(6, "propose", base=5)),
        {"asked": replace(BACK, digest=NEW, position=5), "to": 4},
        f"the release {NEW[:16]} waits already: confirm it by `decision-service rules confirm`",
    ),
}


@pytest.mark.parametrize(("releases", "how", "sentence"), NOT_BACK.values(), ids=NOT_BACK)
def test_going_back_is_refused_by_name(
    releases: Releases, how: dict[str, object], sentence: str
) -> None:
    given: dict[str, object] = {"asked": BACK, "by": CARLA, "to": 0, **how}
    with pytest.raises(ReleaseRefused) as refused:  # noqa: PT012
        before = content_before(releases, given["asked"], given["to"])  # type: ignore[arg-type]  # of a table
        reverted(releases, given["asked"], given["by"], before, at=NOW)  # type: ignore[arg-type]  # of a table
    assert refused.value.message == sentence


PEOPLE = [person(name, caller) for name in ("ana", "ben", "carla") for caller in ("x", "y")]
CONTENTS = [f"{number:064x}" for number in range(4)]
WHAT = st.sampled_from(["propose", "confirm", "decline", "revert", "wait", "restart"])
STEP = st.tuples(
    WHAT, st.sampled_from(PEOPLE), st.sampled_from(CONTENTS), st.booleans(), st.integers(0, 9)
)


@settings(max_examples=examples(150), deadline=None)
@given(st.booleans(), st.lists(STEP, max_size=40))
def test_whatever_is_asked_two_persons_confirm_what_decides(  # noqa: C901
    begun: bool, steps: list[tuple[str, Confirmer, str, bool, int]]
) -> None:
    """Any steps by anybody: positions have no gaps, and each release has two persons since.

    Neither is the folder's author; a revert goes one release back, and only from a release.
    """
    now = NOW
    taken = (entry(1, "take-over", CONTENTS[0], base=0),) if begun else ()
    releases = Releases(taken)
    for what, who, digest, first_may, number in steps:
        by = replace(who, signed_in=now)
        step: ReleaseEntry | None = None
        asked = Confirmation(digest, releases.base, why="because")
        now += timedelta(hours=number if what == "wait" else 0, seconds=1)
        try:
            if what == "propose":
                if not not_proposed(releases, digest, now):
                    step = replace(proposal(releases, digest, now), authors=("ana",))
            elif what == "confirm":
                step = confirmed(releases, asked, by, now, loosenings=(), first_may=first_may)
            elif what == "decline":
                step = declined(releases, asked, by, now)
            elif what == "revert":
                before = content_before(releases, asked, number)
                step = reverted(releases, replace(asked, digest=before.digest), by, before, at=now)
        except ReleaseRefused:
            continue
        if step is not None:
            releases = Releases((*releases.entries, step))
    entries = releases.entries
    assert [one.position for one in entries] == [*range(1, len(entries) + 1)]
    deciding = [one for one in entries if one.action in DECIDING]
    assert releases.in_force == (deciding[-1] if deciding else None)
    for one in deciding:
        if one.action is ReleaseAction.RELEASE:
            proposed = entries[one.about - 1]
            firsts = [
                each for each in entries if each.about == one.about and each.action == "confirm"
            ]
            people = {one.by.person} | {each.by.person for each in firsts[-1:]}
            assert (proposed.action, proposed.digest) == ("propose", one.digest)
            assert proposed.position < firsts[-1].position < one.position
            assert len(people) == 2
            if proposed.authors:
                assert not {each.subject for each in people if each} & {*proposed.authors}
        elif one.action is ReleaseAction.REVERT:
            at = deciding.index(one)
            assert deciding[at - 1].action is ReleaseAction.RELEASE
            assert one.digest == deciding[at - 2].digest
    waiting = [*releases.open(now)]
    assert len(waiting) <= MOST_OPEN
    assert len({one.digest for one in waiting}) == len(waiting)

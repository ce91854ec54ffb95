"""Which rules may decide: the journal of releases, and which entry may follow its last one.

A release is the content of a whole rules folder. A changed folder is proposed, two persons confirm
it, and from then on it decides in every process. Entries are added and never changed, so what has
run out or was overtaken is derived from them and the clock that is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from decision_service.domain.actors import Actor
from decision_service.domain.errors import ReleaseRefused
from decision_service.domain.ports import StoredText
from decision_service.rollout.ports import JournalEntry

RELEASE = "release"
"""The kind of a text that is the content of a release."""

PROPOSAL_LASTS = timedelta(hours=72)
MOST_OPEN = 8
"""How many proposals wait side by side."""

SIGNED_IN_WITHIN = timedelta(minutes=15)
"""How long ago a person may have signed in who confirms."""

REVERT_WITHIN = timedelta(hours=24)
"""How long after a release one person may take it back."""


class ReleaseAction(StrEnum):
    """TAKE_OVER is what decided before there was a journal, which nobody approved.

    CONFIRM is the first of two persons; RELEASE puts content in force, REVERT by one person the
    content before it.
    """

    TAKE_OVER = "take-over"
    PROPOSE = "propose"
    CONFIRM = "confirm"
    DECLINE = "decline"
    RELEASE = "release"
    REVERT = "revert"


DECIDING = frozenset({ReleaseAction.TAKE_OVER, ReleaseAction.RELEASE, ReleaseAction.REVERT})
"""After one of these its content decides."""


class ReleaseState(StrEnum):
    """What became of content that was proposed.

    STALE was compared with rules that no longer decide, EXPIRED was not confirmed in time.
    """

    WAITING = "WAITING"
    CONFIRMED_ONCE = "CONFIRMED_ONCE"
    IN_FORCE = "IN_FORCE"
    REPLACED = "REPLACED"
    DECLINED = "DECLINED"
    STALE = "STALE"
    EXPIRED = "EXPIRED"


class ReleaseEntry(msgspec.Struct, frozen=True):
    """One step: who took it, when, about which content.

    `position` counts the store's entries from 1 without gaps. `digest` is that of the content,
    `base` the position of the entry whose content was in force then, 0 for none, and `about` that
    of the proposal which is answered. `signed_in` is when the person signed in, None where nothing
    says so. `accepted` are the loosenings that were ticked, by name, `authors` who the folder says
    wrote it, and `claims` the text of what the author's machine found out. `program` is the version
    of the program that took the step.
    """

    position: int
    at: datetime
    action: ReleaseAction
    digest: str
    base: int = 0
    about: int = 0
    by: Actor = Actor("service")
    signed_in: datetime | None = None
    why: str = ""
    ticket: str = ""
    accepted: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    claims: str = ""
    program: str = ""


def release_text(body: bytes) -> StoredText:
    """The content of a release as it is stored, under the digest that entries name it by."""
    return StoredText(hashlib.sha256(body).hexdigest(), RELEASE, body)


class ReleaseJournal(Protocol):
    """The append-only journal of releases, for all processes of a store alike.

    Every method raises StoreUnavailable where the store cannot serve, also where an entry is not as
    its seal says, or entries are gone that this process has seen.
    """

    async def releases(self) -> Sequence[ReleaseEntry]:
        """All entries, the first one first."""

    async def add_release(
        self,
        entry: ReleaseEntry,
        content: StoredText | None = None,
        steps: Sequence[JournalEntry] = (),
        lists: Sequence[StoredText] = (),
    ) -> None:
        """Add an entry with its content, the steps of rollouts and the changes of lists it brings.

        All of them count or none; durable on return. Raises JournalMovedOn where a position is
        taken. The very same entry again is there already, with the very same steps.
        """

    async def release_content(self, digest: str) -> bytes:
        """The content of a release; raises StoreUnavailable where it is not what was proposed."""


class Confirmer(msgspec.Struct, frozen=True):
    """A person who confirms: who calls, and when they signed in, None where no token says so.

    `approves`: they may be the second person.
    """

    actor: Actor
    signed_in: datetime | None = None
    approves: bool = True


_ENDED = {
    ReleaseState.IN_FORCE: "decides already",
    ReleaseState.REPLACED: "decided before: go back to it by `decision-service rules revert`",
    ReleaseState.DECLINED: "was declined: change the folder, and it is proposed again",
    ReleaseState.STALE: "was compared with rules that no longer decide: change the folder, and it "
    "is proposed again",
    ReleaseState.EXPIRED: "has waited for 72 hours: change the folder, and it is proposed again",
}


class Releases(msgspec.Struct, frozen=True):
    """The entries of a journal, the first one first, and what follows from them."""

    entries: tuple[ReleaseEntry, ...] = ()

    @property
    def last(self) -> int:
        """The position of the last entry, 0 for none."""
        return self.entries[-1].position if self.entries else 0

    @property
    def in_force(self) -> ReleaseEntry | None:
        """The entry whose content decides; None before the first release."""
        return next((one for one in reversed(self.entries) if one.action in DECIDING), None)

    @property
    def base(self) -> int:
        """The position that a comparison is made with, 0 before the first release."""
        deciding = self.in_force
        return 0 if deciding is None else deciding.position

    def base_of(self, digest: str) -> ReleaseEntry | None:
        """The entry that content was compared with when it came last; None for the first."""
        begins = {ReleaseAction.PROPOSE, *DECIDING}
        came = [one for one in self.entries if one.digest == digest and one.action in begins]
        proposed = [one for one in came if one.action is ReleaseAction.PROPOSE]
        # What one person brought back was never proposed, and has a base all the same.
        position = (proposed or came)[-1].base
        return next((one for one in self.entries if one.position == position), None)

    def claims_of(self, digest: str) -> str:
        """What the author's machine found out, as it was proposed last; empty where nothing."""
        proposed = [one for one in self._of(ReleaseAction.PROPOSE) if one.digest == digest]
        return proposed[-1].claims if proposed else ""

    def has_decided(self, digest: str) -> bool:
        """Whether content was in force at any time."""
        return any(one.digest == digest for one in self.entries if one.action in DECIDING)

    def open(self, now: datetime) -> Iterator[ReleaseEntry]:
        """The proposals that wait: compared with what decides, not declined, not run out."""
        declined = {one.about for one in self.entries if one.action is ReleaseAction.DECLINE}
        for one in self.entries:
            waits = one.action is ReleaseAction.PROPOSE and one.position not in declined
            # What it loosens was compared with rules that may not decide any more.
            if waits and one.base == self.base and now < one.at + PROPOSAL_LASTS:
                yield one

    def waiting(self, digest: str, now: datetime) -> ReleaseEntry:
        """The open proposal of content; raises ReleaseRefused, which says what became of it."""
        found = [one for one in self.open(now) if one.digest == digest]
        if found:
            return found[-1]
        raise ReleaseRefused(f"the release {digest[:16]} {self._why_not(digest, now)}")

    def state(self, digest: str, now: datetime) -> ReleaseState:
        """What became of content that the journal knows."""
        if self.in_force is not None and self.in_force.digest == digest:
            return ReleaseState.IN_FORCE
        for waits in self.open(now):
            if waits.digest == digest:
                once = self.first_confirmation(waits) is not None
                return ReleaseState.CONFIRMED_ONCE if once else ReleaseState.WAITING
        if self.has_decided(digest):
            return ReleaseState.REPLACED
        proposed = [one for one in self._of(ReleaseAction.PROPOSE) if one.digest == digest]
        if any(one.about == proposed[-1].position for one in self._of(ReleaseAction.DECLINE)):
            return ReleaseState.DECLINED
        # Derived and never written: processes with different folders do not cancel each other's
        # proposals.
        return ReleaseState.EXPIRED if proposed[-1].base == self.base else ReleaseState.STALE

    def _why_not(self, digest: str, now: datetime) -> str:
        """Why no proposal of content waits, as the end of a sentence."""
        if all(one.digest != digest for one in self.entries):
            return "was never proposed here: look at `decision-service rules releases`"
        return _ENDED[self.state(digest, now)]

    def _of(self, action: ReleaseAction) -> Iterator[ReleaseEntry]:
        return (one for one in self.entries if one.action is action)

    def first_confirmation(self, proposal: ReleaseEntry) -> ReleaseEntry | None:
        """The first person's confirmation of a proposal; None where nobody confirmed it."""
        found = [one for one in self._of(ReleaseAction.CONFIRM) if one.about == proposal.position]
        return found[-1] if found else None

    def next(self, action: ReleaseAction, digest: str, at: datetime) -> ReleaseEntry:
        """The entry that would follow, compared with what decides."""
        # Two processes may take the same position: the journal's primary key decides between them.
        return ReleaseEntry(self.last + 1, at, action, digest=digest, base=self.base)


def not_proposed(releases: Releases, digest: str, now: datetime) -> str:
    """Why a folder's content is not proposed, as the end of a sentence; empty where it is.

    An older folder of a process that is being replaced takes nothing back, and what one person
    declined does not come again by a restart.
    """
    if any(one.digest == digest for one in releases.open(now)):
        return "waits for two persons already"
    # An old folder of a process that is being replaced must not bring back what was left for a
    # reason.
    if releases.has_decided(digest):
        return "was approved before and takes nothing back: `decision-service rules revert` does"
    known = any(one.digest == digest for one in releases.entries)
    if known and releases.state(digest, now) is ReleaseState.DECLINED:
        return _ENDED[ReleaseState.DECLINED]
    return ""


def proposal(releases: Releases, digest: str, now: datetime) -> ReleaseEntry:
    """The entry that proposes a folder's content; raises ReleaseRefused where too many wait."""
    _require_room(releases, now)
    return releases.next(ReleaseAction.PROPOSE, digest, now)


def _require_room(releases: Releases, now: datetime) -> None:
    if len([*releases.open(now)]) >= MOST_OPEN:
        raise ReleaseRefused(
            f"{MOST_OPEN} releases wait already: confirm or decline one of them, then propose again"
        )


class Confirmation(msgspec.Struct, frozen=True):
    """What a person confirms: content, the position that they saw it compared with, and why."""

    digest: str
    position: int
    accepted: tuple[str, ...] = ()
    why: str = ""
    ticket: str = ""


def confirmed(
    releases: Releases,
    asked: Confirmation,
    by: Confirmer,
    now: datetime,
    *,
    loosenings: Collection[str],
    first_may: bool,
    one_is_enough: bool = False,
) -> ReleaseEntry:
    """The entry of a confirmation: CONFIRM by the first person, RELEASE by the second.

    `loosenings` are the names that must be ticked, and `first_may` whether the person who confirmed
    first still may: one whose role was taken since counts no longer. Raises ReleaseRefused.
    """
    waits = releases.waiting(asked.digest, now)
    if asked.position != releases.base:
        raise ReleaseRefused(
            f"you saw the release {asked.digest[:16]} compared with entry {asked.position}, and "
            f"entry {releases.base} decides since: look at what it changes now"
        )
    # Who wrote the rules is neither of the two persons.
    _require_no_author(by, waits.authors)
    _require_sign_in(by, now)
    left = [name for name in loosenings if name not in asked.accepted]
    # Each by its name, so that none is accepted unread.
    if left:
        raise ReleaseRefused(
            f"{_loosenings(len(left))} not accepted, the first is `{left[0]}`: accept each by its "
            "name (`rules show` prints the command), or decline the release"
        )
    first = releases.first_confirmation(waits)
    # Whoever lost the role since loses an open confirmation, and nothing that is in force.
    counts = first is not None and first_may
    # Persons are compared where one issuer names both: one may call under another's name.
    if counts and first is not None and first.by.may_be(by.actor):
        raise ReleaseRefused(
            f"{_named(by.actor)} confirmed the release {asked.digest[:16]} first: another person "
            "confirms now"
        )
    action = ReleaseAction.RELEASE if counts or one_is_enough else ReleaseAction.CONFIRM
    if action is ReleaseAction.RELEASE and not by.approves:
        raise ReleaseRefused(
            f"{_named(by.actor)} has not the role `rules_approve`, which the second person needs"
        )
    return _by(releases.next(action, asked.digest, now), by, waits, asked=asked)


def _loosenings(count: int) -> str:
    return "1 loosening is" if count == 1 else f"{count} loosenings are"


def _require_no_author(by: Confirmer, authors: Collection[str]) -> None:
    names = {by.actor.caller}
    if by.actor.person is not None:
        names.add(by.actor.person.subject)
    if names & {*authors}:
        raise ReleaseRefused(
            f"{_named(by.actor)} is an author of this folder: two other persons confirm it"
        )


def _require_sign_in(by: Confirmer, now: datetime) -> None:
    if by.actor.person is not None and by.signed_in is None:
        raise ReleaseRefused(
            f"the ID token of {_named(by.actor)} does not say when they signed in: have the "
            "provider put `auth_time` into it"
        )
    if by.signed_in is not None and now - by.signed_in > SIGNED_IN_WITHIN:
        raise ReleaseRefused(
            f"{_named(by.actor)} signed in at {by.signed_in:%Y-%m-%dT%H:%M:%SZ}, more than 15 "
            "minutes ago: sign in again, then confirm"
        )


def declined(releases: Releases, asked: Confirmation, by: Confirmer, now: datetime) -> ReleaseEntry:
    """The entry that takes a proposal away; raises ReleaseRefused where none waits."""
    waits = releases.waiting(asked.digest, now)
    if not asked.why:
        raise ReleaseRefused("a release is declined with a reason: say why")
    return _by(releases.next(ReleaseAction.DECLINE, asked.digest, now), by, waits, asked=asked)


def may_alone(releases: Releases, to: ReleaseEntry, now: datetime) -> bool:
    """Whether one person may go back to an entry's content: to the one before, and only once.

    Within 24 hours of the confirmation, and never from a revert.
    """
    deciding = releases.in_force
    # From a revert one person could go back and forth alone.
    if deciding is None or deciding.action is not ReleaseAction.RELEASE:
        return False
    before = [one for one in releases.entries if one.action in DECIDING][:-1]
    return now - deciding.at <= REVERT_WITHIN and before[-1:] == [to]


def content_before(releases: Releases, asked: Confirmation, to: int) -> ReleaseEntry:
    """The entry whose content is gone back to: that of a position, or for 0 the one before.

    Raises ReleaseRefused, also where another release decides than was seen.
    """
    deciding = releases.in_force
    # Whoever goes back does so from what they saw decide.
    if deciding is None or asked.position != deciding.position:
        raise ReleaseRefused(
            f"entry {releases.base} decides, and not entry {asked.position}: look again"
        )
    if not asked.why:
        raise ReleaseRefused("a release is taken back with a reason: say why")
    before = [one for one in releases.entries if one.action in DECIDING]
    found = [one for one in before if one.position == to] if to else before[-2:-1]
    if not found or found[0] is deciding:
        raise ReleaseRefused(f"there is no release before entry {deciding.position} to go back to")
    return found[0]


def reverted(
    releases: Releases, asked: Confirmation, by: Confirmer, to: ReleaseEntry, *, at: datetime
) -> ReleaseEntry:
    """The entry that goes back to what `to` decided by: REVERT by one person, else PROPOSE for two.

    Its content, named by `asked`, may have other lists than then. Raises ReleaseRefused where it
    decides already, where it waits, and where the person signed in too long ago.
    """
    deciding = releases.in_force
    if deciding is not None and deciding.digest == asked.digest:
        raise ReleaseRefused(
            f"the release {asked.digest[:16]} decides already: there is nothing to go back to"
        )
    _require_sign_in(by, at)
    if may_alone(releases, to, at):
        step = releases.next(ReleaseAction.REVERT, asked.digest, at)
        return _by(step, by, deciding or step, asked=asked)
    _require_room(releases, at)
    if any(one.digest == asked.digest for one in releases.open(at)):
        raise ReleaseRefused(
            f"the release {asked.digest[:16]} waits already: confirm it by `decision-service "
            "rules confirm`"
        )
    step = releases.next(ReleaseAction.PROPOSE, asked.digest, at)
    return _by(step, by, deciding or step, asked=asked)


def _by(
    step: ReleaseEntry, by: Confirmer, about: ReleaseEntry, asked: Confirmation
) -> ReleaseEntry:
    return msgspec.structs.replace(
        step,
        about=about.position,
        by=by.actor,
        signed_in=by.signed_in,
        why=asked.why,
        ticket=asked.ticket,
        accepted=asked.accepted,
    )


def _named(actor: Actor) -> str:
    return actor.caller if actor.person is None else actor.person.subject

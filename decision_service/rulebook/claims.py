"""What an author's machine found out about a release: claims, since nobody here checked them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from decision_service.rulebook.changes import ChangeKind, Direction, WrittenChange
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.manifest import CLAIMS, contents_digest

_MOST_LINES = 20


class Measured(msgspec.Struct, frozen=True):
    """What the tests of a version reach and notice, in percent; a floor of 0 counts nothing."""

    coverage: int
    figures: int


class Claims(msgspec.Struct, frozen=True):
    """What was measured and proved, of which files.

    `made_for` is the digest of the files, `base` that of the files that decided then, empty where
    nothing was compared. `tested` has each version that may decide, `impact` the first sentences of
    the impact report.
    """

    made_for: str
    base: str = ""
    tested: Mapping[str, Measured] = msgspec.field(default_factory=dict)
    guarantees: int = 0
    proved: int = 0
    impact: tuple[str, ...] = ()


def files_digest(folder: RuleFolder) -> str:
    """Of the names and contents of a folder's files; what the store keeps beside is no part."""
    return contents_digest(folder.contents)


def claims_text(claims: Claims) -> str:
    return msgspec.json.format(msgspec.json.encode(claims), indent=2).decode() + "\n"


def read_claims(text: str) -> Claims | None:
    """The claims of a file; None where it is empty or of another form."""
    try:
        return msgspec.json.decode(text, type=Claims)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def claim_lines(claims: Claims | None) -> Iterator[str]:
    """What the author's machine says, a line each."""
    if claims is None:
        yield "The author's machine claims nothing."
        return
    for name, one in sorted(claims.tested.items()):
        yield f"Claimed of {name}: tests reach {one.coverage} %, notice {one.figures} % of figures"
    yield f"Claimed: {claims.proved} of {claims.guarantees} guarantees proved"
    # What another machine wrote may be of any length.
    for line in claims.impact[:_MOST_LINES]:
        yield f"Claimed: {line}"


def unclaimed(
    claims: Claims | None, before: RuleFolder | None, after: RuleFolder
) -> Iterator[WrittenChange]:
    """What must be accepted where the claims are none, or of other rules than these."""
    words = ""
    if claims is None:
        words = "nothing was measured or proved by `decision-service rules publish`"
    # An edit after the measuring leaves figures of rules that nobody will run.
    elif claims.made_for != files_digest(after):
        words = f"are of other files ({claims.made_for[:12]})"
    elif before is not None and claims.base != files_digest(before):
        words = f"compare with other rules than those that decide ({claims.base[:12] or 'none'})"
    if words:
        yield WrittenChange(
            CLAIMS, "the claims", ChangeKind.CHANGED, words=words, direction=Direction.LOOSENS
        )

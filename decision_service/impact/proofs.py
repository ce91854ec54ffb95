"""What is proved of a change of everybody, as whoever asked a solver tells it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ProofAnswer(StrEnum):
    """Whether a claim holds of everybody."""

    PROVED = "PROVED"
    COUNTEREXAMPLE = "COUNTEREXAMPLE"
    UNDECIDED = "UNDECIDED"


class ClaimProof(msgspec.Struct, frozen=True):
    """A claim in words, and its answer.

    `told` is a person of whom it is not so with both decisions, or what was not decided; empty
    where it is proved.
    """

    claim: str
    answer: ProofAnswer
    told: str = ""

    @property
    def sentence(self) -> str:
        """`PROVED: …`, `COUNTEREXAMPLE: not so: …; a typical person …`, `UNDECIDED: …: why`."""
        if self.answer is ProofAnswer.PROVED:
            return f"{self.answer}: {self.claim}"
        if self.answer is ProofAnswer.COUNTEREXAMPLE:
            return f"{self.answer}: not so: {self.claim}; {self.told}"
        return f"{self.answer}: {self.claim}: {self.told}"


class Proofs(msgspec.Struct, frozen=True):
    """The claims of a new version beside an old one, from a day (yyyy-MM-dd) on."""

    before: str
    after: str
    since: str
    claims: tuple[ClaimProof, ...]

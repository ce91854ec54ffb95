"""Claims about a change of rules, and what was proved of each."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ProofAnswer(StrEnum):
    PROVED = "PROVED"
    COUNTEREXAMPLE = "COUNTEREXAMPLE"
    UNDECIDED = "UNDECIDED"


# Reports of before name it `told`.
class ClaimProof(msgspec.Struct, frozen=True, rename={"because": "told"}):
    """A claim in words, and its answer.

    `because` is a person that breaks it, with both decisions, or what was not decided; empty
    where it is proved.
    """

    claim: str
    answer: ProofAnswer
    because: str = ""

    @property
    def sentence(self) -> str:
        """`PROVED: …`, `COUNTEREXAMPLE: not so: …; a typical person …`, `UNDECIDED: …: why`."""
        if self.answer is ProofAnswer.PROVED:
            return f"{self.answer}: {self.claim}"
        if self.answer is ProofAnswer.COUNTEREXAMPLE:
            return f"{self.answer}: not so: {self.claim}; {self.because}"
        return f"{self.answer}: {self.claim}: {self.because}"


class Proofs(msgspec.Struct, frozen=True):
    """The claims of a new version against an old one, from a day (yyyy-MM-dd) on."""

    before: str
    after: str
    since: str
    claims: tuple[ClaimProof, ...]

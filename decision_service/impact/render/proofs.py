"""What is proved of a change, as a part of a report."""

from __future__ import annotations

from decision_service.impact.proofs import ProofAnswer, Proofs
from decision_service.impact.render.section import Section


def proofs_section(proofs: Proofs) -> Section:
    """The claims with their answers, and below them whom or what is not proved."""
    first = (
        f"{proofs.after} beside the champion {proofs.before}, from {proofs.since} on. "
        "This is about everybody who could apply, not only about those who did."
    )
    open_ = [one.sentence for one in proofs.claims if one.answer is not ProofAnswer.PROVED]
    rows = tuple((one.claim, str(one.answer)) for one in proofs.claims)
    return Section("Proved of everybody", (first, *open_), ("claim", "answer"), rows)

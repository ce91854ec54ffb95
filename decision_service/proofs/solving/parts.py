"""The parts of terms: what a solver needs of them, and which functions they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decision_service.proofs.terms.term import Op, Term


def parts(term: Term) -> tuple[Term, ...]:
    """The terms that the translation of a term needs."""
    if term.op is Op.APPLY:
        return () if term.exact is None else (term.exact,)
    return term.args[:2] if term.op is Op.BRACKET else term.args


def functions(terms: Iterable[Term]) -> Sequence[Term]:
    """The functions in terms, their parts, and the arguments of open functions, each once."""
    found: dict[int, Term] = {}
    seen: set[int] = set()
    waiting = list(terms)
    while waiting:
        term = waiting.pop()
        if term.number in seen:
            continue
        seen.add(term.number)
        if term.op in (Op.APPLY, Op.BRACKET):
            found[term.number] = term
        waiting += term.args if _is_open(term) else parts(term)
    return list(found.values())


def _is_open(term: Term) -> bool:
    """Whether all that is known of a term is said of its arguments, by axioms."""
    return term.op is Op.APPLY and term.exact is None

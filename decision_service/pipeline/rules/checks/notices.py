"""A product's texts for letters: read, and checked against what letters have to tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.domain.verdict import DISCLOSED, MONTHLY, WEEKLY
from decision_service.language.diagnostics import Diagnostic, Report, Severity
from decision_service.notices.model import NoticeTexts
from decision_service.notices.reading import read_notices
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.ruleset.constructs.offer.model import AMOUNT
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.explain.limits import offer_limits
from decision_service.ruleset.program.model import WAITING, CompiledRuleset


class Demanding(msgspec.Struct, frozen=True):
    """What letters tell of: what the versions of a product decide, and what its reviewers do."""

    versions: Collection[CompiledRuleset]
    review: ReviewPolicy | None


def notices_of(
    path: str, files: Mapping[str, str], demanding: Demanding, found: list[Diagnostic]
) -> Mapping[str, NoticeTexts]:
    """The texts by language; `files` are by their path within the product's folder at `path`.

    What is wrong is added to `found`: the errors N115 for letters that do not say what an approval
    costs, N116 for an offer without a line that they disclose; the warnings N110 for a limit of an
    offer without words, N111 for a reason that is told in no such language, N112 for a reviewer's,
    N113 for a change that may be told and has no words, N114 where nothing is said of contesting a
    person's result.
    """
    read: dict[str, NoticeTexts] = {}
    for name, text in sorted(files.items()):
        file, language = f"{path}/{name}", name.rpartition("/")[2].removesuffix(".yaml")
        reading = read_notices(file, text, language)
        found.extend(reading.diagnostics)
        if reading.texts is not None:
            read[language] = reading.texts
            unsaid = _unsaid(reading.texts, demanding)
            found.extend(_warning(file, *one) for one in unsaid)
            if not reading.texts.price and any(map(_offer, demanding.versions)):
                message = "nothing says what an approval costs, which the law has it disclose"
                hint = "add `price`: lines with the rate, the fees and all that is to be paid"
                found.append(Diagnostic("N115", Severity.ERROR, file, 1, 1, 2, message, hint))
    if files:
        found.extend(chain.from_iterable(map(_undisclosed, demanding.versions)))
    return read


def _offer(version: CompiledRuleset) -> OfferRunner | None:
    runners = (stage.runner for stage in version.program.closing)
    return next((one for one in runners if isinstance(one, OfferRunner)), None)


def _undisclosed(version: CompiledRuleset) -> Iterator[Diagnostic]:
    """N116 for each line of the price that an offer lacks, or that is of another type."""
    offer, report = _offer(version), Report()
    lines = {} if offer is None else offer.terms.lines
    for name in (*DISCLOSED, WEEKLY if WEEKLY in lines else MONTHLY) if lines else ():
        number = name in {"monthly_rate", "instalments"}
        types = {ValueType.NUMBER, ValueType.INTEGER} if number else {ValueType.MONEY}
        line = lines.get(name)
        if line is None or line.symbol.type not in types:
            message = f"the offer has no {'number' if number else 'amount'} `{name}`"
            hint = f"letters of an approval disclose it: add the line `{name}:`"
            report.error("N116", lines[AMOUNT].place if line is None else line.place, message, hint)
    yield from report.diagnostics()


_Warning = tuple[str, str, str]
"""Code, message and hint."""


def _unsaid(texts: NoticeTexts, demanding: Demanding) -> Iterable[_Warning]:
    versions = demanding.versions
    yield from _limits(texts, versions)
    yield from _reasons(texts, versions)
    yield from _changes(texts, versions)
    if demanding.review is not None:
        yield from _of_persons(texts, demanding.review)


def _limits(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> Iterator[_Warning]:
    for limit in dict.fromkeys(chain.from_iterable(map(offer_limits, versions))):
        if limit not in texts.limits:
            message = f"`limits` does not say what `{limit}` is, which may reduce an offer"
            yield "N110", message, f"add to `limits`: {limit}: what it is, in the applicant's words"


def _reasons(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> Iterator[_Warning]:
    codes = {
        code: None
        for version in versions
        for code, spec in version.reasons.items()
        if code not in version.unused_reasons and texts.language not in spec.texts
    }
    for code in codes:
        message = f"{code} has no text in `{texts.language}`: letters would tell it in English"
        yield "N111", message, f"add `{texts.language}:` to its `text`"


def _changes(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> Iterator[_Warning]:
    told = sorted(frozenset().union(*(version.tell for version in versions)) - {WAITING})
    for factor in told:
        if factor not in texts.changes:
            message = f"`changes` has no words for `{factor}`, which `recourse` lets be told"
            hint = f"add to `changes`: {factor}: what to change, from {{now}} to {{needed}}"
            yield "N113", message, hint


def _of_persons(texts: NoticeTexts, review: ReviewPolicy) -> Iterator[_Warning]:
    language = texts.language
    for reason in review.reasons:
        if reason.is_told and language not in reason.letter:
            instead = reason.sentences["en"]
            message = (
                f"the reviewers' reason {reason.code} has no `letter` in `{language}`: letters "
                f"would say `{instead}`"
            )
            yield "N112", message, f"add `{language}:` to its `letter`, or `told: nobody`"
    if not texts.contest_again:
        message = "nothing says what an applicant may do who disagrees with a person's result"
        yield "N114", message, "add `contest_again`: `contest` would be told once more"


def _warning(file: str, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, Severity.WARNING, file, 1, 1, 2, message, hint)

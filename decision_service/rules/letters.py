"""What letters are written with: a language's words, and a product's texts with their checks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import chain
from string import Formatter

import msgspec

from decision_service.domain.decision import DISCLOSED, MONTHLY, WEEKLY
from decision_service.domain.factor import ValueType
from decision_service.domain.reviews import ReviewPolicy
from decision_service.rules.evaluate import offer_limits
from decision_service.rules.keys import AMOUNT
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import (
    Diagnostic,
    Place,
    Report,
    Severity,
    did_you_mean,
)
from decision_service.rules.language.fields import Fields, as_text
from decision_service.rules.language.yaml import MapNode, YamlNode
from decision_service.rules.offer import OfferRunner
from decision_service.rules.program import WAITING, CompiledRuleset

# Republic Act 3765 has an approval disclose each of them; they are names of placeholders.
PRICE = (
    "monthly_rate", "fees", "paid_out", "effective_rate", "instalment", "instalments", "total"
)  # fmt: skip

LATE = ("late_penalty", "most_total_cost")
"""What it says besides where a version's `price` names it."""

PLACEHOLDERS = frozenset(
    {
        "lender", "application_id", "decision_id", "decided_on", "asked", "amount", "expires_on",
        "kept_months",
    }
).union(PRICE, LATE)  # fmt: skip
"""What the texts of a letter may name; `kept_months` is how long a closed loan is kept."""

OF_CHANGES = frozenset({"now", "needed"})
"""What the words of a change may name."""

_SHARED = ("lender", "contact", "contest")
_OPTIONAL = ("contest_again", "limits", "changes", "price")
_Warning = tuple[str, str, str]
"""Code, message and hint."""


class NoticeKind(StrEnum):
    APPROVAL = "approval"
    COUNTER_OFFER = "counter_offer"
    ADVERSE_ACTION = "adverse_action"
    INCOMPLETE = "incomplete"


class KindTexts(msgspec.Struct, frozen=True):
    title: str
    opening: str
    closing: str = ""


class NoticeTexts(msgspec.Struct, frozen=True):
    """One product's texts in one language; `digest` is the SHA-256 of their file in hex.

    `limits` says in words what may bind an offer, by the expression that a decision names;
    `changes` what an applicant would change, by factor, `price` what an approval costs, each line
    with its placeholders. `contest_again` takes the place of `contest` where a person decided,
    empty where `contest` does.
    """

    language: str
    digest: str
    lender: str
    contact: str
    contest: str
    contest_again: str
    limits: Mapping[str, str]
    changes: Mapping[str, str]
    kinds: Mapping[NoticeKind, KindTexts]
    price: tuple[str, ...] = ()


# A language's file is written by people: a misspelt key is refused, not left out of letters.
class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words that every letter has in one language: `words/LANGUAGE.yaml`.

    `months` begin with January. `remedies` are by cause or by reason of what is missing;
    `person_reviews` is that of all others. `accounts` are those of accounts in error, `attempts` of
    accounts that were never read.
    """

    reference: str
    reasons: str
    data: str
    no_data: str
    offer: str
    amount: str
    term: str
    expires: str
    limit: str
    other_limit: str
    missing: str
    conditions: str
    recourse: str
    again: str
    changes: str
    rests: str
    application: str
    over: str
    by_rules_alone: str
    contest: str
    contest_again: str
    contact: str
    source: str
    documents: str
    reviewed: str
    by_person: str
    confirmed: str
    changed: str
    person_limit: str
    shown: str
    untold: str
    months: tuple[str, ...]
    day: str
    kinds: Mapping[str, str]
    and_: str = msgspec.field(name="and")
    or_: str = msgspec.field(name="or")
    own_records: str
    named: str
    loan: str
    debts: Mapping[str, str]
    loans: str
    also: str
    linked: str
    links: Mapping[str, str]
    attempted: str
    attempts: Mapping[str, str]
    types: Mapping[str, str]
    the_account: str
    birth_date: str
    long_enough: str
    what_is_sent: str
    looks_again: str
    person_looks: str
    decides_again: str
    apply_again: str
    not_posted: str
    at: str
    what: Mapping[str, str]
    connect: str
    connect_types: str
    connect_another: str
    or_document: str
    person_reviews: str
    not_counted: str
    remedies: Mapping[str, str]
    accounts: Mapping[str, str]


_WORDS = resources.files(__package__) / "words"

LANGUAGES = tuple(sorted(file.name.removesuffix(".yaml") for file in _WORDS.iterdir()))
"""The tags of the languages that letters are written in."""


@cache
def words_in(language: str) -> Words:
    return msgspec.yaml.decode((_WORDS / f"{language}.yaml").read_bytes(), type=Words)


class NoticeReading(msgspec.Struct, frozen=True):
    """The texts of a file, or None where any diagnostic is an error."""

    texts: NoticeTexts | None
    diagnostics: tuple[Diagnostic, ...]


def read_notices(path: str, text: str, language: str) -> NoticeReading:
    """Read and check the texts of one language; never raises."""
    report = Report()
    if language not in LANGUAGES:
        message = f"letters are not written in `{language}`"
        hint = f"name the file one of {', '.join(f'{one}.yaml' for one in LANGUAGES)}"
        report.error("N101", Place(path, 1, 1, end=2), message, hint)
        return NoticeReading(None, report.diagnostics())
    root = yaml.read(path, text, report)
    texts = None if root is None else _texts(root, text, language, report=report)
    return NoticeReading(None if report.failed else texts, report.diagnostics())


def _texts(root: YamlNode, text: str, language: str, report: Report) -> NoticeTexts | None:
    kinds = tuple(NoticeKind)
    required = (*_SHARED, *kinds)
    fields = Fields.of(root, "the notices", report, required=required, optional=_OPTIONAL)
    if fields is None:
        return None
    shared = {key: _filled(fields, key) for key in _SHARED}
    return NoticeTexts(
        language=language,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        contest_again=_filled(fields, "contest_again"),
        limits=dict(_worded(fields.map("limits"), report)),
        changes=dict(_changes(fields.map("changes"), report)),
        kinds={kind: _kind(fields, kind) for kind in kinds},
        price=tuple(_read_price(fields)),
        **shared,
    )


def _read_price(fields: Fields) -> Iterator[str]:
    """The lines of the price; N104 for what is to be disclosed and is in none of them."""
    lines = [as_text(item, "a line of `price`", fields.report) for item in fields.items("price")]
    # Together, since any line of the price may say it.
    said = " ".join(filter(None, lines))
    missing = [name for name in PRICE if f"{{{name}}}" not in said]
    # A product that approves nothing needs no `price`; where one does, N115 asks for it.
    if fields.has("price") and missing:
        message = f"`price` does not say {', '.join(f'`{{{name}}}`' for name in missing)}"
        hint = "the law has an approval disclose each: add it to a line of `price`"
        fields.report.error("N104", fields.place("price"), message, hint)
    for line in filter(None, lines):
        _check(line, "price", PLACEHOLDERS, place=fields.place("price"), report=fields.report)
        yield " ".join(line.split())


def _kind(fields: Fields, kind: NoticeKind) -> KindTexts:
    node = fields.map(kind)
    if node is None:
        return KindTexts("", "")
    own = Fields(
        node, f"`{kind}`", fields.report, required=("title", "opening"), optional=("closing",)
    )
    return KindTexts(_filled(own, "title"), _filled(own, "opening"), _filled(own, "closing"))


def _filled(fields: Fields, key: str) -> str:
    text = fields.text(key) or ""
    _check(text, key, PLACEHOLDERS, place=fields.place(key), report=fields.report)
    return " ".join(text.split())


def _check(text: str, key: str, known: Collection[str], place: Place, report: Report) -> None:
    """N102 for a placeholder that is not known, N103 for a brace that is none."""
    try:
        for name in _names(text):
            if name not in known:
                message = f"`{{{name}}}` is nothing that `{key}` knows"
                hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}"
                report.error("N102", place, message, hint)
    # `Formatter.parse` raises it for a brace without its partner.
    except ValueError:
        message = f"`{key}` has a brace that begins or ends no placeholder"
        report.error("N103", place, message, "write `{{` for a brace itself")


def _names(text: str) -> Iterator[str]:
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            # A form such as `{amount:.2f}` is refused as an unknown name: values are filled in as
            # words.
            yield name if not form and not conversion else f"{name}:{form}"


def _worded(node: MapNode | None, report: Report) -> Iterator[tuple[str, str]]:
    for entry in () if node is None else node.entries:
        words = as_text(entry.value, f"the words of `{entry.key}`", report)
        if words is not None:
            yield entry.key, " ".join(words.split())


def _changes(node: MapNode | None, report: Report) -> Iterator[tuple[str, str]]:
    if node is None:
        return
    for factor, words in _worded(node, report):
        _check(words, factor, OF_CHANGES, place=node.key_place(factor), report=report)
        yield factor, words


class Demanding(msgspec.Struct, frozen=True):
    """What letters are about: what the versions of a product decide, and what its reviewers do."""

    versions: Collection[CompiledRuleset]
    review: ReviewPolicy | None


def notices_of(
    path: str, files: Mapping[str, str], demanding: Demanding, found: list[Diagnostic]
) -> Mapping[str, NoticeTexts]:
    """The texts by language; `files` are by their path within the product's folder at `path`.

    What is wrong is added to `found`: the errors N115 for letters that do not say what an approval
    costs, N116 for an offer without a line that they disclose; the warnings N110 for a limit of an
    offer without words, N111 for a reason without words in this language, N112 for a reviewer's,
    N113 for a change that may be told and has no words, N114 where nothing is said of contesting a
    person's result. N104 is also for letters without a placeholder of LATE, where a version's
    `price` has it.
    """
    read: dict[str, NoticeTexts] = {}
    for name, text in sorted(files.items()):
        file = f"{path}/{name}"
        language = name.rpartition("/")[2].removesuffix(".yaml")
        reading = read_notices(file, text, language)
        found.extend(reading.diagnostics)
        if reading.texts is not None:
            read[language] = reading.texts
            for code, message, hint in _unsaid(reading.texts, demanding):
                found.append(
                    Diagnostic(
                        code,
                        Severity.WARNING,
                        file,
                        line=1,
                        column=1,
                        end=2,
                        message=message,
                        hint=hint,
                    )
                )
            if not reading.texts.price and any(map(_offer, demanding.versions)):
                message = "nothing says what an approval costs, which the law has it disclose"
                hint = "add `price`: lines with the rate, the fees and all that is to be paid"
                found.append(
                    Diagnostic(
                        "N115",
                        Severity.ERROR,
                        file,
                        line=1,
                        column=1,
                        end=2,
                        message=message,
                        hint=hint,
                    )
                )
            elif found_late := _late_unsaid(reading.texts, demanding.versions):
                message = f"`price` does not say {found_late}, which a version's offer has"
                hint = "the law limits each: add it to a line of `price`"
                found.append(
                    Diagnostic(
                        "N104",
                        Severity.ERROR,
                        file,
                        line=1,
                        column=1,
                        end=2,
                        message=message,
                        hint=hint,
                    )
                )
    if files:
        found.extend(chain.from_iterable(map(_undisclosed, demanding.versions)))
    return read


def _late_unsaid(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> str:
    offers = [offer for version in versions if (offer := _offer(version)) is not None]
    if not any(offer.terms.price for offer in offers):
        return ""
    said = " ".join(texts.price)
    return ", ".join(f"`{{{name}}}`" for name in LATE if f"{{{name}}}" not in said)


def _offer(version: CompiledRuleset) -> OfferRunner | None:
    runners = (stage.runner for stage in version.program.closing)
    return next((one for one in runners if isinstance(one, OfferRunner)), None)


def _undisclosed(version: CompiledRuleset) -> Iterator[Diagnostic]:
    """N116 for each line of the price that an offer lacks, or that is of another type."""
    offer = _offer(version)
    report = Report()
    lines = {} if offer is None else offer.terms.lines
    for name in (*DISCLOSED, WEEKLY if WEEKLY in lines else MONTHLY) if lines else ():
        # A rate and a count; everything else that is disclosed is an amount.
        number = name in {"monthly_rate", "instalments"}
        types = {ValueType.NUMBER, ValueType.INTEGER} if number else {ValueType.MONEY}
        line = lines.get(name)
        if line is None or line.symbol.type not in types:
            message = f"the offer has no {'number' if number else 'amount'} `{name}`"
            hint = f"letters of an approval disclose it: add the line `{name}:`"
            report.error("N116", lines[AMOUNT].place if line is None else line.place, message, hint)
    yield from report.diagnostics()


def _unsaid(texts: NoticeTexts, demanding: Demanding) -> Iterable[_Warning]:
    versions = demanding.versions
    yield from _limits(texts, versions)
    yield from _reasons(texts, versions)
    yield from _check_changes(texts, versions)
    if demanding.review is not None:
        yield from _of_persons(texts, demanding.review)


def _limits(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> Iterator[_Warning]:
    # Versions mostly have the same limits, and each is warned of once.
    for limit in dict.fromkeys(chain.from_iterable(map(offer_limits, versions))):
        if limit not in texts.limits:
            message = f"`limits` does not say what `{limit}` is, which may reduce an offer"
            yield "N110", message, f"add to `limits`: {limit}: what it is, in the applicant's words"


def _reasons(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> Iterator[_Warning]:
    codes = {
        code: None
        for version in versions
        for code, spec in version.reasons.items()
        # What no rule gives is in no letter.
        if code not in version.unused_reasons and texts.language not in spec.texts
    }
    for code in codes:
        message = f"{code} has no text in `{texts.language}`: letters would have it in English"
        yield "N111", message, f"add `{texts.language}:` to its `text`"


def _check_changes(texts: NoticeTexts, versions: Iterable[CompiledRuleset]) -> Iterator[_Warning]:
    told = sorted(frozenset().union(*(version.tell for version in versions)) - {WAITING})
    for factor in told:
        if factor not in texts.changes:
            message = f"`changes` has no words for `{factor}`, which `recourse` allows"
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
        yield "N114", message, "add `contest_again`: `contest` would be said once more"

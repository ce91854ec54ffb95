"""A product's texts for letters: read, and checked against what its versions can decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.notices.model import NoticeTexts
from decision_service.notices.reading import read_notices
from decision_service.ruleset.explain.limits import offer_limits
from decision_service.ruleset.program.model import CompiledRuleset


def notices_of(
    path: str,
    files: Mapping[str, str],
    versions: Collection[CompiledRuleset],
    found: list[Diagnostic],
) -> Mapping[str, NoticeTexts]:
    """The texts by language; `files` are by their path within the product's folder at `path`.

    What is wrong is added to `found`: the warnings N110 for a limit of an offer without words, N111
    for a reason that is told in no such language.
    """
    read: dict[str, NoticeTexts] = {}
    for name, text in sorted(files.items()):
        file, language = f"{path}/{name}", name.rpartition("/")[2].removesuffix(".yaml")
        reading = read_notices(file, text, language)
        found.extend(reading.diagnostics)
        if reading.texts is not None:
            read[language] = reading.texts
            found.extend(_unsaid(file, reading.texts, versions))
    return read


def _unsaid(
    file: str, texts: NoticeTexts, versions: Collection[CompiledRuleset]
) -> Iterable[Diagnostic]:
    limits = dict.fromkeys(chain.from_iterable(map(offer_limits, versions)))
    for limit in limits:
        if limit not in texts.limits:
            message = f"`limits` does not say what `{limit}` is, which may reduce an offer"
            hint = f"add to `limits`: {limit}: what it is, in the applicant's words"
            yield Diagnostic("N110", Severity.WARNING, file, 1, 1, 2, message, hint)
    codes = {
        code: None
        for version in versions
        for code, spec in version.reasons.items()
        if code not in version.unused_reasons and texts.language not in spec.texts
    }
    for code in codes:
        message = f"{code} has no text in `{texts.language}`: letters would tell it in English"
        hint = f"add `{texts.language}:` to its `text`"
        yield Diagnostic("N111", Severity.WARNING, file, 1, 1, 2, message, hint)

"""The laws of a folder, and the versions that do not say or prove that they keep them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

import msgspec

from decision_service.rulebook.folder import PACKAGED, RuleFolder
from decision_service.rules.language.diagnostics import (
    Diagnostic,
    Place,
    Severity,
    did_you_mean,
    problem_at,
)
from decision_service.rules.law import PriceLaw, may_apply, offer_of, read_law
from decision_service.rules.program import CompiledRuleset


class Laws(msgspec.Struct, frozen=True):
    """The laws by the names of their files, and everything wrong with the files."""

    by_name: Mapping[str, PriceLaw] = msgspec.field(default_factory=dict)
    faults: tuple[Diagnostic, ...] = ()
    shipped: bool = False

    def remarks(self) -> Iterator[str]:
        """What each is, and whether a lawyer has read it: `ph-prices of the folder, …`."""
        whose = "of the package" if self.shipped else "of the folder"
        for name, law in self.by_name.items():
            checked = "checked by counsel" if law.checked else "not checked by counsel"
            yield f"{name} {whose}, {checked}"


def laws_of(folder: RuleFolder) -> Laws:
    found: dict[str, PriceLaw] = {}
    faults = [
        Diagnostic(
            "R002",
            Severity.ERROR,
            file.path,
            line=1,
            column=1,
            end=2,
            message=file.sentence,
            hint="",
        )
        for file in folder.unread_laws
    ]
    for file in folder.laws:
        name = PurePosixPath(file.path).stem
        reading = read_law(file.path, name, file.text)
        faults += reading.diagnostics
        if reading.law is not None:
            found[name] = reading.law
    shipped = any(file.path.startswith(PACKAGED) for file in folder.laws)
    return Laws(found, tuple(faults), shipped=shipped)


def law_problems(
    laws: Mapping[str, PriceLaw], versions: Iterable[CompiledRuleset], decided: Collection[str]
) -> Iterator[Diagnostic]:
    """R530 for an offer within a law without a `price`, R531 without a guarantee of that law.

    R532 is for a guarantee of a law that is not there. They are warnings of a version whose digest
    is among the `decided`.
    """
    for version in versions:
        # What has decided cannot be mended: it is the next version that has to be.
        severity = Severity.WARNING if version.digest in decided else Severity.ERROR
        for code, place, message, hint in _of_version(laws, version):
            yield problem_at(code, place, message, hint=hint, severity=severity)


def _of_version(
    laws: Mapping[str, PriceLaw], version: CompiledRuleset
) -> Iterator[tuple[str, Place, str, str]]:
    terms = offer_of(version)
    promised = set[str]()
    for guarantee in version.guarantees:
        promised.add(guarantee.law)
        named = laws.get(guarantee.law)
        if guarantee.law and named is None:
            known = ", ".join(laws) or "none"
            hint = did_you_mean(guarantee.law, laws) or f"the laws of `_law` are {known}"
            yield "R532", guarantee.place, f"there is no law `{guarantee.law}`", hint
        elif named is not None and named.currency != version.currency:
            message = f"the law `{named.name}` is about {named.currency}, not {version.currency}"
            yield "R532", guarantee.place, message, "remove the guarantee: it proves nothing"
    for name, law in laws.items():
        if terms is None or not may_apply(version, law):
            continue
        place = terms.lines["approved_amount"].place
        if terms.price is None:
            message = f"an offer may be within `{name}` ({law.scope}), and has no `price`"
            hint = "say which of its lines are the price: docs/rules.md, What the law lets it cost"
            yield "R530", place, message, hint
        elif name not in promised:
            message = f"an offer may be within `{name}` ({law.scope}), and no guarantee proves it"
            hint = (
                f"add to `guarantees`: {{name: the legal ceilings, law: {name}}}, with a `when` "
                "where loans of the product are outside of it, secured ones for example"
            )
            yield "R531", place, message, hint

"""`rules publish`, `sign`, `verify` and `keys`: the digest of every file, and who answers for
it.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    as_typed,
    new_file,
    print_json,
    print_lines,
    progress_line,
)
from decision_service.decide.rule_tests import failures, run_rule_tests
from decision_service.rulebook.acceptance import floor_problems, published_as, unapproved
from decision_service.rulebook.folder import RuleFolder, write_whole
from decision_service.rulebook.load import blocked_names, load_rules
from decision_service.rulebook.loosenings import loosenings, unaccepted
from decision_service.rulebook.manifest import (
    MANIFEST,
    NAME,
    Approval,
    Publication,
    Signers,
    Signing,
    evidence_problems,
    manifest_problems,
    manifest_text,
    new_key,
    public_line,
    published_now,
    signed,
)
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.language.diagnostics import Diagnostic, Severity, render
from decision_service.runtime.config import load
from decision_service.runtime.files import read_small
from decision_service.workbench.backtest.render import decoded, headline
from decision_service.workbench.backtest.report import ImpactReport
from decision_service.workbench.commands.diff import compare_rules, state_lines
from decision_service.workbench.commands.folder import (
    DEFAULT_PATH,
    PUBLISHED,
    LoadedRules,
    PathArgument,
    select_rules,
)
from decision_service.workbench.coverage import counted
from decision_service.workbench.proofs.report import guarantees_of
from decision_service.workbench.proofs.solver import SolverMissing

SHOWN = 16
"""How many digits of a digest are shown."""

_LONGEST = 200
_DIGEST = re.compile("[0-9a-f]{12,64}")

KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="file of the private key that signs")
]
NameOption = Annotated[str, typer.Option("--by", help="the caller whose key signs")]
RollbackOption = Annotated[
    str,
    typer.Option(
        metavar="PUBLICATION", help="go back to rules that decided before, from this publication"
    ),
]
ProveOption = Annotated[
    bool, typer.Option("--prove/--no-prove", help="prove the guarantees before")
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept", metavar="NAME", help="a test, guarantee, text, list or bound that is less now"
    ),
]
ImpactOption = Annotated[
    Path | None, typer.Option("--impact", metavar="FILE", help="impact.json of `backtest --out`")
]
ProofsOption = Annotated[
    Path | None,
    typer.Option("--proofs", metavar="FILE", help="what `rules prove --format json` printed"),
]


def laid(rules: LoadedRules, name: str, file: Path) -> str:
    try:
        content = file.read_bytes()
        evidence_lines(name, content, rules.rulebook)
        write_whole(rules.selection.root / f"{name}.json", content.decode())
    except OSError as error:
        why = f"{error.filename or file} cannot be read or written ({error.strerror})"
        raise CommandError(f"--{name}: {why}") from None
    return sha256(content).hexdigest()


def evidence_lines(name: str, content: bytes, rulebook: Rulebook) -> list[str]:
    made = "backtest --out FOLDER" if name == "impact" else "rules prove OLD NEW --format json"
    try:
        digest, lines = (_impact if name == "impact" else _proofs)(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{name}.json is not as `decision-service {made}` wrote it ({error})", Exit.FINDINGS
        ) from None
    if digest not in rulebook.digests:
        raise CommandError(
            f"{name}.json is of rules with the digest {digest[:16]}, which no version here has: "
            f"make it anew of what is to be signed by `decision-service {made}`",
            Exit.FINDINGS,
        )
    return lines


def _impact(content: bytes) -> tuple[str, list[str]]:
    report = decoded(content, ImpactReport)
    return report.subject.other_digest, headline(report)


class _Proof(msgspec.Struct):
    claim: str
    result: str
    digests: Mapping[str, str]


def _proofs(content: bytes) -> tuple[str, list[str]]:
    proof = msgspec.json.decode(content, type=_Proof)
    return proof.digests.get("new", ""), [f"{proof.result}: {proof.claim}"]


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="where the private key is written")],
) -> None:
    """The file is readable by its owner alone.

    Its line is printed, for the caller in the callers file.
    """
    pem = new_key()
    with new_file(file) as stream:
        stream.write(pem)
    sys.stderr.write(f"The private key is in {file}: whoever reads it can sign. Of the caller:\n")
    sys.stdout.write(f'signing_keys: ["{public_line(pem)}"]\n')


def line(file: Annotated[Path, typer.Argument(metavar="FILE", help="a private key")]) -> None:
    """Print the callers-file line of a private key."""
    try:
        sys.stdout.write(f'signing_keys: ["{public_line(read_key(file))}"]\n')
    except ValueError as error:
        raise _unfit(file, error) from None


def read_key(file: Path) -> bytes:
    try:
        return read_small(file)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be read ({error.strerror}): name the file of your private key"
        ) from None


def make_approval(published: Publication, signing: Signing, name: str, file: Path) -> Approval:
    try:
        return signed(published, signing, name, pem=read_key(file))
    except ValueError as error:
        raise _unfit(file, error) from None


def _unfit(file: Path, error: ValueError) -> CommandError:
    del error  # it may quote the file
    return CommandError(
        f"{file} holds no private Ed25519 key in PEM: make one with `decision-service rules keys "
        "new FILE`"
    )


@dataclass(frozen=True, slots=True)
class Change:
    rules: LoadedRules
    before: LoadedRules | None

    @classmethod
    def read(cls, path: Path, accepted: Collection[str]) -> Change:
        root = select_rules(path).root
        rules = LoadedRules.read(root)
        return cls(rules, _before(root / PUBLISHED, accepted))

    @property
    def contents(self) -> Mapping[str, str]:
        return self.rules.selection.folder.contents

    @property
    def root(self) -> Path:
        return self.rules.selection.root


def _before(copy: Path, accepted: Collection[str]) -> LoadedRules | None:
    if not copy.exists():
        return None
    try:
        rules = LoadedRules.read(copy)
        folder = rules.selection.folder
        manifest = rules.selection.folder.manifest
        if manifest and not manifest_problems(manifest.path, manifest.text, folder.contents):
            return rules
    except CommandError:
        pass
    if PUBLISHED in accepted:
        return None
    raise CommandError(
        f"{copy} is not what was published last, or does not load any more: bring it back as it "
        f"was, or publish without a comparison by --accept {PUBLISHED}",
        Exit.FINDINGS,
    )


def gated(change: Change, accepted: Collection[str], *, prove: bool) -> dict[str, Any]:
    folder = change.rules.selection.folder
    rulebook = change.rules.rulebook
    refuse(_unpriced(change, accepted), "versions do not say or prove what the law asks of a price")
    results = list(run_rule_tests(folder, rulebook))
    refuse(failures(results), "tests fail or are not there: see `decision-service rules test`")
    if change.before is not None:
        found = loosenings(change.before.state, change.rules.state, datetime.now(UTC))
        # What was published last has no copy of the laws, which are published with no rules
        own = (one for one in found if not one.group.startswith("_law/"))
        less = unaccepted(own, accepted)
        refuse(less, "these guards are weaker or gone: accept each, or its file, by --accept")
    tested, marks = counted(folder, rulebook, results, show=progress_line)
    below = floor_problems(f"{folder.root}/{MANIFEST}", tested, rulebook)
    refuse((*marks, *below), "the tests reach or notice too little, or have wrong marks")
    proved = _proved(change) if prove else 0
    return {"tested": tested, "proved": proved, "accepted": tuple(accepted)}


def _unpriced(change: Change, accepted: Collection[str]) -> Iterator[Diagnostic]:
    """Findings about laws, but of versions published before, or accepted as having decided."""
    before = () if change.before is None else change.before.rulebook.digests
    root = f"{change.rules.selection.folder.root}/"
    for one in change.rules.loading.law_problems(before):
        if one.severity is Severity.ERROR and one.file.removeprefix(root) not in accepted:
            yield one


def _proved(change: Change) -> int:
    """How many guarantees hold; without a solver none was asked, which is said."""
    rulebook = change.rules.rulebook
    progress_line("proving the guarantees …")
    asked = guarantees_of(rulebook, datetime.now(UTC), time.monotonic)
    try:
        broken = [d for d in asked if d.severity is Severity.ERROR]
    except SolverMissing as error:
        sys.stderr.write(f"The guarantees were not proved: {error}\n")
        return 0
    refuse(broken, "guarantees do not hold or are not decided")
    return sum(len(one.guarantees) for one in rulebook.digests.values())


def refuse(found: Iterable[Diagnostic | str], why: str) -> None:
    lines = tuple(one if isinstance(one, str) else render(one) for one in found)
    if lines:
        raise CommandError(f"nothing is published, because {why}", Exit.FINDINGS, lines)


def shown_lines(change: Change, published: Publication) -> Iterator[str]:
    """What a signer signs, in words; the same for both of them."""
    files = f"{len(change.contents)} files, digest {published.digest[:SHOWN]}"
    yield f"{files}, at {published.at} by {published.by}, ticket {published.ticket or '-'}"
    if published.allow_rollback:
        yield f"It goes back from the publication {published.allow_rollback}."
    if change.before is None:
        yield "Nothing was published here before, so that nothing is compared."
    else:
        last = published_as(change.before.selection.folder)
        comparison = compare_rules(change.before, change.rules)
        signed = "signed by two" if last and last.approved_by else "not signed by two"
        yield f"Compared with {last and last.name} by {last and last.by}, {signed}:"
        yield from state_lines(comparison) if comparison else ("Nothing differs.",)
    yield from (f"Accepted: {name}" for name in published.accepted)
    yield from change.rules.rulebook.policy.remarks
    for name, one in published.tested.items():
        yield f"Tests of {name}: coverage {one.coverage} %, figures {one.figures} %"
    yield f"Guarantees: {published.proved or 'none was'} proved"
    yield from (f"Law: {line}" for line in change.rules.loading.laws.remarks())
    for name in published.evidence:
        content = (change.root / f"{name}.json").read_bytes()
        lines = evidence_lines(name, content, change.rules.rulebook)
        yield from (f"{name.capitalize()}: {line}" for line in lines)


def one_line(text: str, option: str) -> str:
    """A text of an option, trimmed; raises CommandError unless it is 1 to 200 printable ones."""
    if not 1 <= len(text.strip()) <= _LONGEST or not text.isprintable():
        raise CommandError(f"{option} must be 1 to {_LONGEST} characters on one line")
    return text.strip()


def rollback_of(text: str) -> str:
    if text and not NAME.fullmatch(text):
        raise CommandError(
            "--allow-rollback must be the publication that the service names, such as "
            "3f9a11c04d2e57b0@2026-11-25T10:00:00Z"
        )
    return text


def write_manifest(change: Change, published: Publication, *, keep: bool) -> Path:
    file = change.root / MANIFEST
    text = manifest_text(published, change.contents)
    try:
        write_whole(file, text)
        if keep:
            shutil.rmtree(change.root / PUBLISHED, ignore_errors=True)
            for path, content in {**change.contents, MANIFEST: text}.items():
                copy = change.root / PUBLISHED / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                write_whole(copy, content)
    except OSError as error:
        raise CommandError(
            f"{error.filename or file} cannot be written ({error.strerror}): allow it, then "
            "publish again"
        ) from None
    return file


def publish(
    by: Annotated[str, typer.Option("--by", help="who publishes, for the record")],
    path: PathArgument = DEFAULT_PATH,
    accept: AcceptOption = None,
    allow_rollback: RollbackOption = "",
    prove: ProveOption = True,
) -> None:
    """Everything is checked, tested and proved first.

    Nothing is signed. Publishing writes manifest.yaml: from then on only what it lists loads. A
    service that requires approval loads it only where two callers signed it.
    """
    by = one_line(by, "--by")
    back = rollback_of(allow_rollback)
    change = Change.read(path, accept or ())
    gates = gated(change, accept or (), prove=prove)
    now = datetime.now(UTC)
    published = published_now(change.contents, by, now, allow_rollback=back, **gates)
    # What two signed stays what the next signers compare with, whatever one person publishes.
    last = change.before and published_as(change.before.selection.folder)
    file = write_manifest(change, published, keep=not (last and last.approved_by))
    words = f"{file}: {len(change.contents)} files published by {by}, publication {published.name}"
    print_lines(*change.rules.rulebook.policy.remarks, words)


def sign(
    by: NameOption,
    key: KeyOption,
    path: PathArgument = DEFAULT_PATH,
    digest: Annotated[
        str, typer.Option(help="of what was shown: another caller signs what one has signed")
    ] = "",
    ticket: Annotated[str, typer.Option(help="the reference of the change, for the record")] = "",
    impact: ImpactOption = None,
    proofs: ProofsOption = None,
    accept: AcceptOption = None,
    allow_rollback: RollbackOption = "",
    prove: ProveOption = True,
) -> None:
    """The first signature is given once everything checks, passes and is proved. Where approval is
    required, nothing loads before the second one.
    """
    by = one_line(by, "--by")
    back = rollback_of(allow_rollback)
    reference = one_line(ticket, "--ticket") if ticket else ""
    waiting = _waiting(select_rules(path).folder)
    if digest or (waiting is not None and waiting.by != by):
        if reference or impact or proofs or accept or back:
            raise CommandError(
                "--ticket, --impact, --proofs, --accept and --allow-rollback are the first "
                "signature's: sign by --digest alone, or begin again without manifest.yaml"
            )
        _second(path, waiting, by, key=key, digest=digest)
        return
    change = Change.read(path, accept or ())
    drafted = published_now(
        change.contents,
        by,
        datetime.now(UTC),
        allow_rollback=back,
        ticket=reference,
        proposed_by=Approval(by, b""),
    )
    make_approval(
        drafted, Signing.PROPOSED, by, file=key
    )  # a wrong key is refused before minutes pass
    given = {name: file for name, file in (("impact", impact), ("proofs", proofs)) if file}
    evidence = {name: laid(change.rules, name, file) for name, file in given.items()}
    gates = gated(change, accept or (), prove=prove)
    published = replace(drafted, evidence=evidence, **gates)
    lines, shown = _shown(change, published)
    published = replace(published, shown=shown)
    signature = make_approval(published, Signing.PROPOSED, by, file=key)
    file = write_manifest(change, replace(published, proposed_by=signature), keep=False)
    words = f"{file} is signed by {by}, digest {shown[:SHOWN]}. Another caller:"
    command = f"decision-service rules sign {path} --by NAME --key FILE --digest {shown[:SHOWN]}"
    print_lines(*lines, words, as_typed(f"  {command}"))


def _second(path: Path, waiting: Publication | None, by: str, key: Path, digest: str) -> None:
    if waiting is None or waiting.proposed_by is None:
        raise CommandError(
            "nothing waits for a second signature: the folder is not as a first caller signed it",
            Exit.FINDINGS,
        )
    change = Change.read(path, waiting.accepted)
    first = waiting.proposed_by
    folder = change.rules.selection.folder
    manifest = str(change.root / MANIFEST)
    below = floor_problems(manifest, waiting.tested, change.rules.rulebook)
    found = (*evidence_problems(manifest, waiting, folder.evidence), *below)
    refuse(found, "evidence or figures are not what they should be")
    lines, shown = _shown(change, waiting)
    if shown != waiting.shown:
        raise CommandError(
            f"what is shown here is not what {first.name} was shown: {PUBLISHED} or the program is "
            "another one, so begin again with a first signature",
            Exit.FINDINGS,
        )
    if not digest:
        print_lines(*lines)
        raise CommandError(
            f"{first.name} signed this first: look at it, then sign by --digest {shown[:SHOWN]}",
            Exit.FINDINGS,
        )
    if not _DIGEST.fullmatch(digest) or not shown.startswith(digest):
        raise CommandError(
            f"--digest must be that of what is shown, {shown[:SHOWN]} or the first 12 digits of "
            "it: look at it by the same command without --digest",
            Exit.FINDINGS,
        )
    if first.name == by:
        raise CommandError(f"{by} signed first: another caller signs now", Exit.FINDINGS)
    again = make_approval(waiting, Signing.PROPOSED, first.name, file=key)
    if again.signature == first.signature:  # Ed25519: one key, one signature
        raise CommandError(
            f"{key} is the key of {first.name}, who signed first: sign by that of {by}",
            Exit.FINDINGS,
        )
    signed = replace(waiting, approved_by=make_approval(waiting, Signing.APPROVED, by, file=key))
    file = write_manifest(change, signed, keep=True)
    words = f"{file} is signed by {first.name}, and as {by} by {key}. Whether that key is theirs:"
    command = f"decision-service rules verify {path} --callers FILE"
    print_lines(*lines, words, as_typed(f"  {command}"))


def _waiting(folder: RuleFolder) -> Publication | None:
    published = published_as(folder)
    manifest = folder.manifest
    if published is None or manifest is None or published.proposed_by is None:
        return None
    changed = manifest_problems(manifest.path, manifest.text, folder.contents)
    return None if changed or published.approved_by else published


def _shown(change: Change, published: Publication) -> tuple[list[str], str]:
    lines = [*shown_lines(change, published)]
    return lines, sha256("\n".join(lines).encode()).hexdigest()


def verify(
    callers: Annotated[
        Path, typer.Option("--callers", metavar="FILE", help="the callers file, with their keys")
    ],
    path: PathArgument = DEFAULT_PATH,
    form: FormatOption = Format.TABLE,
) -> None:
    """Exit code 1 where it would not load these rules."""
    folder = select_rules(path).folder
    published = published_as(folder)
    found = _problems(folder, _signers(callers))
    if form is Format.JSON:
        print_json(_dict(published) | {"problems": [render(one) for one in found]})
    elif published is not None:
        print_lines(_summary(published))
    if found:
        lines = () if form is Format.JSON else tuple(map(render, found))
        message = "a service that requires approval would not load these rules"
        raise CommandError(message, Exit.FINDINGS, lines)


def _problems(folder: RuleFolder, signers: Signers) -> tuple[Diagnostic, ...]:
    now = datetime.now(UTC)
    loading = load_rules(folder, now, blocked_names(load()))
    unsigned = unapproved(folder, loading.rulebook, None, signers=signers, today=now.date())
    return (*loading.errors, *unsigned)


def _signers(file: Path) -> Signers:
    from decision_service.server.callers import read_callers_file

    reading = read_callers_file(file)
    if reading.callers is None:
        lines = tuple(map(render, reading.diagnostics))
        raise CommandError(f"{file} has mistakes", lines=lines)
    return reading.callers.signers


def _dict(published: Publication | None) -> dict[str, Any]:
    if published is None:
        return {}
    proposed = published.proposed_by
    approved = published.approved_by
    return {
        "digest": published.digest,
        "at": published.at,
        "proposed_by": None if proposed is None else proposed.name,
        "approved_by": None if approved is None else approved.name,
        "allow_rollback": published.allow_rollback or None,
        "ticket": published.ticket or None,
        "evidence": dict(published.evidence),
        "tested": msgspec.to_builtins(published.tested),
        "accepted": list(published.accepted),
    }


def _summary(published: Publication) -> str:
    parts = _dict(published)
    evidence = ", ".join(f"{name} {one[:SHOWN]}" for name, one in published.evidence.items())
    return (
        f"digest {published.digest[:SHOWN]}, published at {published.at}\n"
        f"signed by {parts['proposed_by'] or '-'}, then by {parts['approved_by'] or '-'}\n"
        f"ticket {published.ticket or '-'}, evidence {evidence or '-'}"
        f"{published.allow_rollback and f', goes back from {published.allow_rollback}'}"
    )

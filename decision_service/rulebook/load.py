"""From the texts of a rules folder to a rulebook: all checked, nothing half loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import chain

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.ports import StoredText
from decision_service.factors.registry import catalogue, known_factors, that_went
from decision_service.rollout.plan import PlanTexts, parse_plan
from decision_service.rollout.state import initial_state
from decision_service.rulebook.archive import ruleset_text
from decision_service.rulebook.folder import (
    ProductTexts,
    RuleFolder,
    files_of,
    read_policy,
    unreadable_versions,
)
from decision_service.rulebook.laws import Laws, law_problems, laws_of
from decision_service.rulebook.manifest import manifest_problems
from decision_service.rulebook.plans import plan_problems
from decision_service.rulebook.rulebook import Policy, Product, Rulebook
from decision_service.rules.compile import Compilation, compile_ruleset
from decision_service.rules.draft import shared_names
from decision_service.rules.inputs import list_name, read_list
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report, Severity, nearest
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.letters import Demanding, notices_of
from decision_service.rules.program import CompiledRuleset, KeyList
from decision_service.runtime.settings import ConfigError, Settings, env_name

NOTHING_LISTED = "R516"
_INPUT = re.compile(r"inputs\.[a-z][a-z0-9_]*")


def shared_problems(
    root: str, files: Mapping[str, str], versions: Collection[Compilation]
) -> tuple[Diagnostic, ...]:
    """Faults of form, and R512 for entries that no version uses, once all versions compile."""
    report = Report()
    # While one does not compile, it is not known what it uses.
    whole = all(version.ruleset is not None for version in versions)
    used = frozenset().union(*(version.shared for version in versions))
    for path, text in sorted(files.items()):
        for name, place in shared_names(f"{root}/{path}", text, report):
            if whole and (place.file, name) not in used:
                message = f"no version uses `{name}` of this file"
                hint = "use it in a version whose `uses` names the file, or remove it"
                report.warning("R512", place, message, hint)
    return report.diagnostics()


def input_names(ruleset: CompiledRuleset) -> DeclaredNames:
    specs = ruleset.inputs.values()
    declared = (replace(spec, name=f"inputs.{spec.name}") for spec in specs)
    return DeclaredNames(ruleset.currency, declared)


def compilations(
    folder: RuleFolder, product: ProductTexts, blocked: frozenset[str], now: datetime
) -> dict[int, Compilation]:
    return {
        version: compile_ruleset(files_of(folder, product, version), catalogue(), blocked, now=now)
        for version in sorted(product.rulesets)
    }


def went_in(
    folder: RuleFolder, product: ProductTexts, compiled: dict[int, Compilation]
) -> dict[int, tuple[Diagnostic, ...]]:
    """Faults of versions that name a factor that went, and nothing else that is wrong.

    In `compiled` they are as they decided, for decisions on record.
    """
    faults: dict[int, tuple[Diagnostic, ...]] = {}
    for version, compilation in compiled.items():
        if compilation.ruleset is not None:
            continue
        files = files_of(folder, product, version)
        as_decided = compile_ruleset(files, known_factors(), checks=())
        named = as_decided.ruleset.needs.factors if as_decided.ruleset is not None else ()
        if that_went(named):
            own = compilation.diagnostics
            faults[version] = tuple(one for one in own if one.severity is Severity.ERROR)
            compiled[version] = as_decided
    return faults


def unused_tables(product: ProductTexts, compiled: Collection[Compilation]) -> Iterator[Diagnostic]:
    """A warning for each table file that no version reads, once all versions could be read."""
    if any(one.ruleset is None for one in compiled):
        return
    used = frozenset().union(*(one.tables for one in compiled))
    for name in sorted(set(product.tables) - used):
        message = f"no version of {product.product} reads this table"
        hint = f"name it in a version, `rows: {{file: {name}}}`, or remove it"
        path = f"{product.path}/{name}"
        yield Diagnostic(
            "R510", Severity.WARNING, path, line=1, column=1, end=2, message=message, hint=hint
        )


def versions_of(
    folder: RuleFolder,
    product: ProductTexts,
    compiled: Mapping[int, Compilation],
    found: list[Diagnostic],
    texts: list[StoredText],
) -> Iterator[tuple[int, CompiledRuleset]]:
    """The versions that compiled; adds what is wrong with their names, and their texts to store."""
    for version, compilation in compiled.items():
        ruleset = compilation.ruleset
        if ruleset is None:
            continue
        files = files_of(folder, product, version)
        if ruleset.version != version:
            message = f"the file is named v{version}, but `version` is {ruleset.version}"
            found.append(problem(files.path, "R003", message, hint="make them equal"))
        texts.append(ruleset_text(ruleset, files))
        yield version, ruleset


def product_of(
    product: ProductTexts,
    unreadable: Collection[int],
    versions: Mapping[int, CompiledRuleset],
    found: list[Diagnostic],
    texts: list[StoredText],
    now: datetime,
) -> Product | None:
    """A product with its plan; None where that is missing or wrong, which is added to `found`."""
    if product.plan is None:
        message = f"{product.product} has no rollout.yaml"
        hint = "add one that says which version is the champion and how it goes live"
        found.append(problem(f"{product.path}/rollout.yaml", "P001", message, hint=hint))
        return None
    names = {
        version: input_names(versions[version]) if version in versions else None
        # A plan may name a version whose file cannot be read, which is reported as that.
        for version in (*product.rulesets, *unreadable)
    }
    texts_of = PlanTexts(product.plan.text, product.desk.text if product.desk else None)
    reading = parse_plan(product.plan.path, texts_of, product.product, versions=names)
    found.extend(reading.diagnostics)
    if reading.plan is None or not versions:
        return None
    named = (reading.plan.versions.of(arm) for arm in Arm)
    deciding = [versions[number] for number in named if number and number in versions]
    problems = plan_problems(product.plan, product.desk, reading.plan, deciding=deciding)
    found.extend(problems)
    if any(one.severity is Severity.ERROR for one in problems):
        return None
    texts.append(StoredText(reading.plan.digest, "plan", msgspec.json.encode(texts_of)))
    demanding = Demanding([*versions.values()], reading.plan.review)
    notices = notices_of(product.path, product.notices, demanding, found=found)
    state = initial_state(reading.plan, now)
    return Product(product.product, versions, reading.plan, state=state, notices=notices)


def problem(path: str, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(
        code, Severity.ERROR, path, line=1, column=1, end=2, message=message, hint=hint
    )


class LoadResult(msgspec.Struct, frozen=True):
    """The result of loading a folder: `rulebook` is None where any diagnostic is an error.

    `texts` are to be stored before the rulebook decides anything, so that it can be replayed.
    `by_version` has each version's own compilation by the path of its file: the diagnostics of its
    tables and of `_data` are among its own. `products` are those whose plan has no error. `laws`
    and what they find stop no loading: rules that decide go on when a law comes or changes. `went`
    has by path what is wrong with versions of earlier releases, which load for their decisions.
    """

    rulebook: Rulebook | None
    diagnostics: tuple[Diagnostic, ...]
    texts: tuple[StoredText, ...] = ()
    by_version: Mapping[str, Compilation] = msgspec.field(default_factory=dict)
    products: Mapping[str, Product] = msgspec.field(default_factory=dict)
    laws: Laws = Laws()
    went: Mapping[str, tuple[Diagnostic, ...]] = msgspec.field(default_factory=dict)

    def factor_problems(self, decided: Collection[str] | None = None) -> tuple[Diagnostic, ...]:
        """Factors that went, in versions that the plan does not name; warnings of those decided.

        None counts every version as decided. Of one that the plan names they are among the errors.
        """
        found: list[Diagnostic] = []
        for path, faults in self.went.items():
            ruleset = self.by_version[path].ruleset
            is_old = decided is None or (ruleset is not None and ruleset.digest in decided)
            severity = Severity.WARNING if is_old else Severity.ERROR
            found += [replace(one, severity=severity) for one in faults]
        return tuple(sorted(found, key=lambda one: one.order))

    def law_problems(self, decided: Collection[str] | None = None) -> tuple[Diagnostic, ...]:
        """What is wrong with laws, and against them; None counts every version as decided."""
        versions = [one.ruleset for one in self.by_version.values() if one.ruleset is not None]
        known = {one.digest for one in versions} if decided is None else decided
        # Not among the diagnostics: a law that comes or changes stops nothing that decides.
        found = (*self.laws.faults, *law_problems(self.laws.by_name, versions, known))
        return tuple(sorted(found, key=lambda one: one.order))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    @property
    def nothing_listed(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.code == NOTHING_LISTED)


def load_rules(
    folder: RuleFolder, now: datetime, blocked: frozenset[str] = frozenset()
) -> LoadResult:
    """All problems of all files; `blocked` are factors and inputs that no rule may use."""
    found = [problem(file.path, "R002", file.sentence, hint="") for file in folder.unreadable]
    if folder.manifest is not None:
        manifest = folder.manifest
        found += manifest_problems(
            manifest.path, manifest.text, folder.contents, kept=_kept(folder)
        )
    products: dict[str, Product] = {}
    texts: list[StoredText] = []
    by_version: dict[str, Compilation] = {}
    went: dict[str, tuple[Diagnostic, ...]] = {}
    for one in folder.products:
        compiled = compilations(folder, one, blocked, now=now)
        by_version |= {one.rulesets[v].path: c for v, c in compiled.items()}
        went_there = went_in(folder, one, compiled)
        by_version |= {one.rulesets[v].path: compiled[v] for v in went_there}
        unreadable = unreadable_versions(folder, one)
        # A version that cannot be read may use any of them.
        if not unreadable:
            found.extend(unused_tables(one, compiled.values()))
        versions = dict(versions_of(folder, one, compiled, found=found, texts=texts))
        product = product_of(one, unreadable, versions, found=found, texts=texts, now=now)
        if product is not None:
            for version in product.roles.keys() & went_there.keys():
                found += went_there.pop(version)
            products[one.product] = product
        for version, of_version in went_there.items():
            went[one.rulesets[version].path] = of_version
    if not folder.products and not found:
        found.append(problem("rules", "R001", "the folder holds no product", hint="add one"))
    found.extend(_lists(folder, by_version, now))
    found.extend(shared_problems(folder.root, folder.shared_files, by_version.values()))
    policy = Policy()
    if folder.policy is not None:
        names = [one.product for one in folder.products]
        policy, faults = read_policy(folder.policy.path, folder.policy.text, names)
        found.extend(faults)
    laws = laws_of(folder)
    loading = LoadResult(
        None,
        _once(found, by_version),
        tuple(texts),
        by_version=by_version,
        products=products,
        laws=laws,
        went=went,
    )
    if loading.errors:
        return loading
    rulebook = Rulebook(products, policy, laws=laws.by_name)
    return replace(loading, rulebook=rulebook)


def _kept(folder: RuleFolder) -> dict[str, list[str]]:
    """The texts of `_data` that versions keep, by the names that a manifest has for the files."""
    found: dict[str, list[str]] = {}
    for data in folder.kept.values():
        for name, text in data.items():
            found.setdefault(f"_data/{name}", []).append(text)
    return found


def _once(
    found: Iterable[Diagnostic], by_version: Mapping[str, Compilation]
) -> tuple[Diagnostic, ...]:
    """All diagnostics by place; what versions share is said once."""
    own = (compilation.diagnostics for compilation in by_version.values())
    # Versions share `_data`, tables and lists, and each reports their faults.
    every = {d.order: d for d in (*found, *chain.from_iterable(own))}
    return tuple(every[order] for order in sorted(every))


def _lists(
    folder: RuleFolder, by_version: Mapping[str, Compilation], now: datetime
) -> tuple[Diagnostic, ...]:
    """Everything wrong with lists; warnings for those that no rule asks, or that list nothing."""
    report = Report()
    shared = folder.shared_lists
    asked = {one.product: _asked(one, by_version) for one in folder.products}
    known = [names for names in asked.values() if names is not None]
    # Whether anyone asks a shared list is known once all rules can be read.
    every = frozenset().union(*known) if len(known) == len(asked) else None
    files = [(folder.root, path, text, every, "product") for path, text in shared.items()]
    for one in folder.products:
        who = f"version of {one.product}"
        files += [
            (one.path, path, text, asked[one.product], who) for path, text in one.lists.items()
        ]
    for root, path, text, names, who in files:
        place = Place(f"{root}/{path}", 1, 1, end=2)
        name = list_name(path)
        found = read_list(place.file, text, report)
        if name is None:
            hint = "use small letters, digits and `_`: blocked_employers.csv"
            report.error("R125", place, f"`{path.rpartition('/')[2]}` is no name of a list", hint)
        elif names is not None and name not in names:
            hint = f"ask it in a rule, `inputs.NAME in lists.{name}`, or remove it"
            report.warning("R514", place, f"no {who} asks this list", hint)
        if f"_shared/{path}" in shared:
            message = f"`{folder.root}/_shared/{path}` has the same name"
            report.error("R124", place, message, "rename one of them")
        if found is not None and (why := _why_nothing(found, now.date())):
            hint = "add a key, or take the list out of the rules that ask it"
            report.warning(NOTHING_LISTED, place, f"nothing is on the list `{name}`: {why}", hint)
    return report.diagnostics()


def _asked(product: ProductTexts, by_version: Mapping[str, Compilation]) -> frozenset[str] | None:
    """The lists that the product's rules ask; None where not all rules could be read."""
    compiled = [by_version[file.path] for file in product.rulesets.values()]
    if any(one.ruleset is None for one in compiled):
        return None
    return frozenset().union(*(one.lists for one in compiled))


def _why_nothing(found: KeyList, today: date) -> str:
    """Why no key of a list counts any more; empty where one does."""
    ends = [*found.keys.values()]
    if not all(last and last < today for last in ends):
        return ""
    return f"its last key ended on {max(filter(None, ends))}" if ends else "it is empty"


def blocked_names(settings: Settings) -> frozenset[str]:
    """The names that no rule may use; raises ConfigError for one that is no factor and no input."""
    if (problem := blocked_problem(settings.blocked)) is not None:
        raise ConfigError(problem)
    return settings.blocked


def blocked_problem(names: Iterable[str]) -> str | None:
    """A sentence about the first name that is no factor and not written as an input."""
    known = catalogue()
    # Sorted: a set's order differs between processes.
    unknown = next((n for n in sorted(names) if n not in known and not _INPUT.fullmatch(n)), None)
    if unknown is None:
        return None
    near = nearest(unknown, known)
    hint = f"did you mean {near}?" if near else "name factors as docs/factors.md does"
    return (
        f"{env_name('blocked_factors')}: {unknown} is no factor, and an input is written "
        f"inputs.NAME; {hint}"
    )

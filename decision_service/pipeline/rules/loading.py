"""From the texts of a rules folder to a rulebook: all checked, nothing half loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.language.evaluation.condition import Declared, DeclaredNames
from decision_service.pipeline.ports import StoredText
from decision_service.pipeline.rules.checks.day_bounds import doubtful_bounds
from decision_service.pipeline.rules.checks.notices import Demanding, notices_of
from decision_service.pipeline.rules.checks.queue_tags import unknown_queue_tags
from decision_service.pipeline.rules.checks.segments import unmatched_segments
from decision_service.pipeline.rules.checks.shared_files import (
    ListFiles,
    list_problems,
    shared_problems,
)
from decision_service.pipeline.rules.publishing.manifest import (
    Publication,
    manifest_problems,
    publication,
)
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.pipeline.rules.texts import ruleset_text
from decision_service.rollout.plan import parse_plan
from decision_service.rollout.state import initial_state
from decision_service.ruleset.compile.compiler import Compilation, compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.lists import SHARED

_VERSION_FILE = re.compile(r"v([1-9][0-9]{0,5})\.yaml")


class TextFile(msgspec.Struct, frozen=True):
    """A file that was read; `path` is as messages show it, `rules/personal-loan-ph/v1.yaml`."""

    path: str
    text: str


class Unreadable(msgspec.Struct, frozen=True):
    """A file that could not be read, and why in one sentence."""

    path: str
    sentence: str


class ProductTexts(msgspec.Struct, frozen=True):
    """One product's folder: `rulesets` by version, tables and lists by their path within it."""

    product: str
    path: str
    rulesets: Mapping[int, TextFile] = msgspec.field(default_factory=dict)
    plan: TextFile | None = None
    tables: Mapping[str, str] = msgspec.field(default_factory=dict)
    tests: tuple[TextFile, ...] = ()
    fixtures: Mapping[str, str] = msgspec.field(default_factory=dict)
    lists: Mapping[str, str] = msgspec.field(default_factory=dict)
    notices: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def contents(self) -> dict[str, str]:
        """Every file's text by its path within the folder of products."""
        plan = () if self.plan is None else (self.plan,)
        shown = {file.path: file.text for file in (*self.rulesets.values(), *plan, *self.tests)}
        beside = {**self.tables, **self.lists, **self.notices}
        within = {f"{self.path}/{name}": text for name, text in beside.items()}
        recorded = {f"{self.path}/tests/{name}": text for name, text in self.fixtures.items()}
        return {
            f"{self.product}{path.removeprefix(self.path)}": text
            for path, text in {**shown, **within, **recorded}.items()
        }


class RuleFolder(msgspec.Struct, frozen=True):
    """A whole rules folder; `data` holds `_data/*.yaml` by file name.

    `shared` holds the files of `_shared` by their path within the rules folder.
    `manifest` is what was published last, where anything was.
    """

    products: tuple[ProductTexts, ...] = ()
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    manifest: TextFile | None = None
    shared: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def root(self) -> str:
        """The folder's own name as messages show it."""
        return self.products[0].path.rpartition("/")[0] if self.products else "rules"

    @property
    def contents(self) -> dict[str, str]:
        """Every file's text by its path within the folder, the manifest's aside."""
        found = {f"_data/{name}": text for name, text in self.data.items()} | dict(self.shared)
        for product in self.products:
            found.update(product.contents)
        return found

    @property
    def shared_lists(self) -> dict[str, str]:
        """The lists of all products by their path within the folder."""
        return {path: text for path, text in self.shared.items() if path.startswith(SHARED)}

    @property
    def shared_files(self) -> dict[str, str]:
        """Reasons and parameters of several products by their path within the folder."""
        return {path: text for path, text in self.shared.items() if not path.startswith(SHARED)}


class LoadResult(msgspec.Struct, frozen=True):
    """The result of loading a folder: `rulebook` is None where any diagnostic is an error.

    `texts` are to be stored before the rulebook decides anything, so that it can be replayed.
    `by_version` has each version's own compilation by the path of its file: the diagnostics of its
    tables and of `_data` are among its own. `products` are those whose plan has no error.
    """

    rulebook: Rulebook | None
    diagnostics: tuple[Diagnostic, ...]
    texts: tuple[StoredText, ...] = ()
    by_version: Mapping[str, Compilation] = msgspec.field(default_factory=dict)
    products: Mapping[str, Product] = msgspec.field(default_factory=dict)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics of severity error, which refuse the folder."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)


def load_rules(
    folder: RuleFolder, now: datetime, blocked: frozenset[str] = frozenset()
) -> LoadResult:
    """Compile every version and read every plan; all problems of all files in one run.

    `blocked` are factors and inputs that no rule may use.
    """
    found = [*map(_unreadable, folder.unreadable), *_unpublished(folder)]
    products: dict[str, Product] = {}
    texts: list[StoredText] = []
    by_version: dict[str, Compilation] = {}
    for one in folder.products:
        compiled = _compiled(folder, one, blocked, now)
        by_version |= {one.rulesets[v].path: c for v, c in compiled.items()}
        unreadable = unreadable_versions(folder, one)
        if not unreadable:
            found.extend(_unused_tables(one, compiled.values()))
        versions = dict(_versions(folder, one, compiled, found, texts))
        product = _product(one, unreadable, versions, found, texts, now)
        if product is not None:
            products[one.product] = product
    if not folder.products and not found:
        found.append(_problem("rules", "R001", "the folder holds no product", "add one"))
    found.extend(_lists(folder, by_version))
    found.extend(shared_problems(folder.root, folder.shared_files, by_version.values()))
    if folder.products and not folder.data:
        found.append(_without_data(folder))
    loading = LoadResult(None, _once(found, by_version), tuple(texts), by_version, products)
    return (
        loading
        if loading.errors
        else replace(loading, rulebook=Rulebook(products, _published(folder)))
    )


def _once(
    found: Iterable[Diagnostic], by_version: Mapping[str, Compilation]
) -> tuple[Diagnostic, ...]:
    """All diagnostics by place; what versions share is told once."""
    own = (compilation.diagnostics for compilation in by_version.values())
    every = {d.order: d for d in (*found, *chain.from_iterable(own))}
    return tuple(every[order] for order in sorted(every))


def files_of(folder: RuleFolder, product: ProductTexts, version: int) -> RulesetFiles:
    """The texts that make up one ruleset version."""
    file = product.rulesets[version]
    return RulesetFiles(
        product=product.product,
        path=file.path,
        text=file.text,
        data=folder.data,
        tables=product.tables,
        unreadable=dict(_unread(folder, product)),
        lists=lists_of(folder, product),
        shared=folder.shared_files,
    )


def lists_of(folder: RuleFolder, product: ProductTexts) -> dict[str, str]:
    """The lists that a product's versions may ask, by path as `RulesetFiles` has it."""
    return {**folder.shared_lists, **product.lists}


def _unread(folder: RuleFolder, product: ProductTexts) -> Iterator[tuple[str, str]]:
    """Files of a product, or of all, that could not be read, by path as `RulesetFiles` has it."""
    root = product.path.rpartition("/")[0]
    for file in folder.unreadable:
        if file.path.startswith(f"{product.path}/"):
            yield file.path.removeprefix(f"{product.path}/"), file.sentence
        elif file.path.startswith(f"{root}/_shared/"):
            yield file.path.removeprefix(f"{root}/"), file.sentence


def _lists(folder: RuleFolder, by_version: Mapping[str, Compilation]) -> tuple[Diagnostic, ...]:
    """Everything wrong with the lists of a folder."""
    asked = {one.product: _asked(one, by_version) for one in folder.products}
    known = [names for names in asked.values() if names is not None]
    every = frozenset().union(*known) if len(known) == len(asked) else None
    root = folder.root
    own = [
        ListFiles(one.product, one.path, one.lists, asked[one.product]) for one in folder.products
    ]
    return list_problems(ListFiles("", root, folder.shared_lists, every), own)


def _asked(product: ProductTexts, by_version: Mapping[str, Compilation]) -> frozenset[str] | None:
    """The lists that a product's versions ask; None where one does not compile."""
    compiled = [by_version[file.path] for file in product.rulesets.values()]
    if any(one.ruleset is None for one in compiled):
        return None
    return frozenset().union(*(one.lists for one in compiled))


def input_names(ruleset: CompiledRuleset) -> DeclaredNames:
    """A ruleset's inputs as rollout segments may name them."""
    declared = (
        Declared(f"inputs.{spec.name}", spec.type, spec.lower, spec.upper, spec.labels)
        for spec in ruleset.inputs.values()
    )
    return DeclaredNames(ruleset.currency, declared)


def _compiled(
    folder: RuleFolder, product: ProductTexts, blocked: frozenset[str], now: datetime
) -> dict[int, Compilation]:
    return {
        version: compile_ruleset(files_of(folder, product, version), catalogue(), blocked, now)
        for version in sorted(product.rulesets)
    }


def _unused_tables(
    product: ProductTexts, compiled: Collection[Compilation]
) -> Iterator[Diagnostic]:
    """A warning for each table file that no version reads, once all versions could be read."""
    if any(one.ruleset is None for one in compiled):
        return
    used = frozenset().union(*(one.tables for one in compiled))
    for name in sorted(set(product.tables) - used):
        message = f"no version of {product.product} reads this table"
        hint = f"name it in a version, `rows: {{file: {name}}}`, or remove it"
        path = f"{product.path}/{name}"
        yield Diagnostic("R510", Severity.WARNING, path, 1, 1, 2, message, hint)


def _versions(
    folder: RuleFolder,
    product: ProductTexts,
    compiled: Mapping[int, Compilation],
    found: list[Diagnostic],
    texts: list[StoredText],
) -> Iterator[tuple[int, CompiledRuleset]]:
    for version, compilation in compiled.items():
        ruleset = compilation.ruleset
        if ruleset is None:
            continue
        files = files_of(folder, product, version)
        if ruleset.version != version:
            message = f"the file is named v{version}, but `version` is {ruleset.version}"
            found.append(_problem(files.path, "R003", message, "make them equal"))
        texts.append(ruleset_text(ruleset, files))
        yield version, ruleset


def unreadable_versions(folder: RuleFolder, product: ProductTexts) -> set[int]:
    """Versions whose files are there and cannot be read."""
    paths = [file.path.removeprefix(f"{product.path}/") for file in folder.unreadable]
    return {int(named[1]) for path in paths if (named := _VERSION_FILE.fullmatch(path))}


def _product(
    product: ProductTexts,
    unreadable: Collection[int],
    versions: Mapping[int, CompiledRuleset],
    found: list[Diagnostic],
    texts: list[StoredText],
    now: datetime,
) -> Product | None:
    if product.plan is None:
        message = f"{product.product} has no rollout.yaml"
        hint = "add one that says which version is the champion and how it goes live"
        found.append(_problem(f"{product.path}/rollout.yaml", "P001", message, hint))
        return None
    names = {
        version: input_names(versions[version]) if version in versions else None
        for version in (*product.rulesets, *unreadable)
    }
    reading = parse_plan(product.plan.path, product.plan.text, product.product, names)
    found.extend(reading.diagnostics)
    if reading.plan is None or not versions:
        return None
    plan_file = product.plan
    found.extend(unmatched_segments(plan_file.path, plan_file.text, reading.plan))
    named = (reading.plan.versions.of(arm) for arm in Arm)
    deciding = [versions[number] for number in named if number and number in versions]
    asked = (plan_file.path, plan_file.text, reading.plan, deciding)
    bounds = (*doubtful_bounds(*asked), *unknown_queue_tags(*asked))
    found.extend(bounds)
    if any(one.severity is Severity.ERROR for one in bounds):
        return None
    texts.append(StoredText(reading.plan.digest, "plan", product.plan.text.encode()))
    demanding = Demanding([*versions.values()], reading.plan.review)
    notices = notices_of(product.path, product.notices, demanding, found)
    state = initial_state(reading.plan, now)
    return Product(product.product, versions, reading.plan, state, notices)


def _published(folder: RuleFolder) -> Publication | None:
    manifest = folder.manifest
    return None if manifest is None else publication(manifest.path, manifest.text)


def _unpublished(folder: RuleFolder) -> tuple[Diagnostic, ...]:
    """Differences from the manifest; none where nothing was ever published."""
    manifest = folder.manifest
    if manifest is None:
        return ()
    return manifest_problems(manifest.path, manifest.text, folder.contents)


def _without_data(folder: RuleFolder) -> Diagnostic:
    """Warn of missing provider types, needed when the vendor's provider list cannot be read."""
    root = folder.root
    message = f"`{root}` has no `_data/`: no provider, transaction class or employer is known"
    hint = "copy `rules/_data` of the release beside the products"
    return Diagnostic("R004", Severity.WARNING, f"{root}/_data", 1, 1, 2, message, hint)


def _unreadable(file: Unreadable) -> Diagnostic:
    return _problem(file.path, "R002", file.sentence, "")


def _problem(path: str, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, path, 1, 1, 2, message, hint)

"""From the texts of a rules folder to a rulebook: all checked, nothing half loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain

import msgspec
from msgspec.structs import replace

from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.pipeline.ports import StoredText
from decision_service.pipeline.rules.checks.shared_files import (
    NOTHING_LISTED,
    ListFiles,
    list_problems,
    shared_problems,
)
from decision_service.pipeline.rules.folder import (
    ProductTexts,
    RuleFolder,
    Unreadable,
    unreadable_versions,
)
from decision_service.pipeline.rules.policy import Policy, read_policy
from decision_service.pipeline.rules.products import (
    compilations,
    problem,
    product_of,
    unused_tables,
    versions_of,
)
from decision_service.pipeline.rules.publication import published_as
from decision_service.pipeline.rules.publishing.manifest import (
    manifest_problems,
)
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.ruleset.compile.compiler import Compilation


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

    @property
    def nothing_listed(self) -> tuple[Diagnostic, ...]:
        """The lists of which no key counts, which the rules ask in vain."""
        return tuple(d for d in self.diagnostics if d.code == NOTHING_LISTED)


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
        compiled = compilations(folder, one, blocked, now)
        by_version |= {one.rulesets[v].path: c for v, c in compiled.items()}
        unreadable = unreadable_versions(folder, one)
        if not unreadable:
            found.extend(unused_tables(one, compiled.values()))
        versions = dict(versions_of(folder, one, compiled, found, texts))
        product = product_of(one, unreadable, versions, found, texts, now)
        if product is not None:
            products[one.product] = product
    if not folder.products and not found:
        found.append(problem("rules", "R001", "the folder holds no product", "add one"))
    found.extend(_lists(folder, by_version, now))
    found.extend(shared_problems(folder.root, folder.shared_files, by_version.values()))
    policy = Policy()
    if folder.policy is not None:
        names = [one.product for one in folder.products]
        policy, faults = read_policy(folder.policy.path, folder.policy.text, names)
        found.extend(faults)
    loading = LoadResult(None, _once(found, by_version), tuple(texts), by_version, products)
    return (
        loading
        if loading.errors
        else replace(loading, rulebook=Rulebook(products, published_as(folder), policy))
    )


def _once(
    found: Iterable[Diagnostic], by_version: Mapping[str, Compilation]
) -> tuple[Diagnostic, ...]:
    """All diagnostics by place; what versions share is told once."""
    own = (compilation.diagnostics for compilation in by_version.values())
    every = {d.order: d for d in (*found, *chain.from_iterable(own))}
    return tuple(every[order] for order in sorted(every))


def _lists(
    folder: RuleFolder, by_version: Mapping[str, Compilation], now: datetime
) -> tuple[Diagnostic, ...]:
    """Everything wrong with the lists of a folder."""
    asked = {one.product: _asked(one, by_version) for one in folder.products}
    known = [names for names in asked.values() if names is not None]
    every = frozenset().union(*known) if len(known) == len(asked) else None
    root = folder.root
    own = [
        ListFiles(one.product, one.path, one.lists, asked[one.product]) for one in folder.products
    ]
    return list_problems(ListFiles("", root, folder.shared_lists, every), own, now.date())


def _asked(product: ProductTexts, by_version: Mapping[str, Compilation]) -> frozenset[str] | None:
    """The lists that a product's versions ask; None where one does not compile."""
    compiled = [by_version[file.path] for file in product.rulesets.values()]
    if any(one.ruleset is None for one in compiled):
        return None
    return frozenset().union(*(one.lists for one in compiled))


def _unpublished(folder: RuleFolder) -> tuple[Diagnostic, ...]:
    """Differences from the manifest; none where nothing was ever published."""
    manifest = folder.manifest
    if manifest is None:
        return ()
    return manifest_problems(manifest.path, manifest.text, folder.contents)


def _unreadable(file: Unreadable) -> Diagnostic:
    return problem(file.path, "R002", file.sentence, "")

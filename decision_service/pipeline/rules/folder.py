"""The texts of a rules folder: products with their versions, plans, cases and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from decision_service.pipeline.rules.policy import POLICY
from decision_service.ruleset.program.model import RulesetFiles
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

    `shipped` are the names of those that the folder lacks, so that the package's own count.
    `shared` holds the files of `_shared` by their path within the rules folder.
    `manifest` is what was published last, where anything was; `policy` is `policy.yaml`.
    """

    products: tuple[ProductTexts, ...] = ()
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    manifest: TextFile | None = None
    shared: Mapping[str, str] = msgspec.field(default_factory=dict)
    shipped: tuple[str, ...] = ()
    policy: TextFile | None = None

    @property
    def root(self) -> str:
        """The folder's own name as messages show it."""
        return self.products[0].path.rpartition("/")[0] if self.products else "rules"

    @property
    def contents(self) -> dict[str, str]:
        """The text of every file that decides by its path within the folder, but the manifest."""
        found = {f"_data/{name}": text for name, text in self.data.items()} | dict(self.shared)
        if self.policy is not None:
            found[POLICY] = self.policy.text
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


def unreadable_versions(folder: RuleFolder, product: ProductTexts) -> set[int]:
    """Versions whose files are there and cannot be read."""
    paths = [file.path.removeprefix(f"{product.path}/") for file in folder.unreadable]
    return {int(named[1]) for path in paths if (named := _VERSION_FILE.fullmatch(path))}

"""`_data/*.yaml`: transaction classes and provider types, shared by all products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeAlias, TypeVar

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import ClassRule, TransactionClass
from decision_service.domain.snapshot import Provider
from decision_service.language.diagnostics import Report
from decision_service.language.fields import Fields
from decision_service.language.nodes import Node
from decision_service.language.readers import as_choice, as_text
from decision_service.language.yaml import read
from decision_service.ruleset.model import RulesetFiles

T = TypeVar("T")
_Reading: TypeAlias = Callable[[str, str, Report], T]

CLASSES_FILE = "transaction_classes.yaml"
PROVIDERS_FILE = "provider_types.yaml"
_SIGNS = {"+": 1, "-": -1}
_SUPPORTED = tuple(kind.value.upper() for kind in Kind)


def read_classes(files: RulesetFiles, report: Report) -> tuple[ClassRule, ...]:
    """The transaction classes in file order; the first that matches gives the class."""
    return _shared(_classes, files, CLASSES_FILE, report) or ()


def _classes(path: str, text: str, report: Report) -> tuple[ClassRule, ...]:
    fields = _open(path, text, "classes", report)
    items = fields.items("classes") if fields is not None else ()
    rules = [_class_rule(item, report) for item in items]
    return tuple(rule for rule in rules if rule is not None)


def _class_rule(node: Node, report: Report) -> ClassRule | None:
    fields = Fields.of(
        node, "a class", report, required=("provider", "words", "class"), optional=("sign",)
    )
    if fields is None:
        return None
    provider = fields.text("provider")
    words = [as_text(word, "a word", report) for word in fields.items("words")]
    gives = fields.choice("class", [c.value for c in TransactionClass])
    sign = fields.choice("sign", _SIGNS)
    if provider is None or gives is None:
        return None
    folded = tuple(word.casefold() for word in words if word is not None)
    return ClassRule(provider, folded, _SIGNS.get(sign or "", 0), TransactionClass(gives))


def read_providers(files: RulesetFiles, report: Report) -> Mapping[str, Provider]:
    """Type and supported kinds by provider id, for when the vendor's list cannot be read."""
    return _shared(_providers, files, PROVIDERS_FILE, report) or {}


def _providers(path: str, text: str, report: Report) -> Mapping[str, Provider]:
    fields = _open(path, text, "providers", report)
    node = fields.map("providers") if fields is not None else None
    found = [_provider(e.key, e.value, report) for e in (node.entries if node else ())]
    return {provider.id: provider for provider in found if provider is not None}


def _provider(provider_id: str, node: Node, report: Report) -> Provider | None:
    what = f"provider `{provider_id}`"
    fields = Fields.of(node, what, report, required=("type", "supported"))
    if fields is None:
        return None
    type_ = fields.text("type")
    kinds = [as_choice(k, "a kind", _SUPPORTED, report) for k in fields.items("supported")]
    supported = tuple(kind for kind in kinds if kind is not None)
    return Provider(provider_id, type_, supported) if type_ is not None else None


def _open(path: str, text: str, key: str, report: Report) -> Fields | None:
    node = read(path, text, report)
    name = PurePosixPath(path).name
    return None if node is None else Fields.of(node, f"`{name}`", report, required=(key,))


def _shared(reading: _Reading[T], files: RulesetFiles, name: str, report: Report) -> T | None:
    """What a file holds, read once for all versions that share it; None where there is none."""
    text = files.data.get(name)
    if text is None:
        return None
    path = str(PurePosixPath(files.path).parent.parent / "_data" / name)
    found: T | None = _faultless(reading, path, text)
    if found is None:
        return reading(path, text, report)
    report.add_text(path, text)
    return found


@lru_cache(8)
def _faultless(reading: _Reading[T], path: str, text: str) -> T | None:
    """What a text holds about which there is nothing to say."""
    report = Report()
    found = reading(path, text, report)
    return None if report.diagnostics() else found

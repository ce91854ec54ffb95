"""`_data/*.yaml`: transaction classes and provider types, shared by all products."""

from __future__ import annotations

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import ClassRule, TransactionClass
from decision_service.domain.snapshot import Provider
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import as_choice, as_text
from decision_service.ruleset.compile.sections.data.shared_files import (
    PROVIDERS_FILE,
    opened,
    shared,
)
from decision_service.ruleset.program.model import RulesetFiles

CLASSES_FILE = "transaction_classes.yaml"
_SIGNS = {"+": 1, "-": -1}
_SUPPORTED = tuple(kind.value.upper() for kind in Kind)


def read_classes(files: RulesetFiles, report: Report) -> tuple[ClassRule, ...]:
    """The transaction classes in file order; the first that matches gives the class."""
    return shared(_classes, files, CLASSES_FILE, report) or ()


def _classes(path: str, text: str, report: Report) -> tuple[ClassRule, ...]:
    fields = opened(path, text, report, required=("classes",))
    items = fields.items("classes") if fields is not None else ()
    rules = [_class_rule(item, report) for item in items]
    return tuple(rule for rule in rules if rule is not None)


def _class_rule(node: YamlNode, report: Report) -> ClassRule | None:
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


class ListedProvider(msgspec.Struct, frozen=True):
    """A provider of the file, with our own marks: they hold whatever the vendor's list says."""

    provider: Provider
    documents: bool
    charges_fees: bool


def read_providers(files: RulesetFiles, report: Report) -> tuple[ListedProvider, ...]:
    """Type and supported kinds by provider, for when the vendor's list cannot be read."""
    return shared(_providers, files, PROVIDERS_FILE, report) or ()


def _providers(path: str, text: str, report: Report) -> tuple[ListedProvider, ...]:
    fields = opened(path, text, report, required=("providers",))
    node = fields.map("providers") if fields is not None else None
    found = [_provider(e.key, e.value, report) for e in (node.entries if node else ())]
    return tuple(listed for listed in found if listed is not None)


def _provider(provider_id: str, node: YamlNode, report: Report) -> ListedProvider | None:
    what = f"provider `{provider_id}`"
    optional = ("name", "documents", "charges_fees")
    fields = Fields.of(node, what, report, required=("type", "supported"), optional=optional)
    if fields is None:
        return None
    type_ = fields.text("type")
    kinds = [as_choice(k, "a kind", _SUPPORTED, report) for k in fields.items("supported")]
    supported = tuple(kind for kind in kinds if kind is not None)
    marks = [bool(fields.flag(key)) for key in ("documents", "charges_fees")]
    if type_ is None:
        return None
    provider = Provider(provider_id, type_, supported, fields.text("name") or "")
    return ListedProvider(provider, *marks)

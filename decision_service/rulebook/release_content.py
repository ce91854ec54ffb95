"""The content of a release: a whole rules folder as it is stored, by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import StoredText
from decision_service.rulebook.folder import PACKAGED, ProductTexts, RuleFolder, TextFile
from decision_service.rulebook.releases import release_text

ROOT = "rules"
"""The name of the folder in stored paths, whatever it is called on a machine."""

_DECODER = msgspec.json.Decoder(RuleFolder)


class ContentDamaged(StoreUnavailable):
    """Stored content is not what its digest says, or of no form that this program reads."""


def with_lists_of(folder: RuleFolder, now: RuleFolder) -> RuleFolder:
    """A folder with the lists and `_data` of another one, which fraud may have changed since."""
    lists = {one.product: one.lists for one in now.products}
    products = [replace(one, lists=lists.get(one.product, one.lists)) for one in folder.products]
    shared = {**folder.shared_files, **now.shared_lists}
    return replace(
        folder, products=tuple(products), shared=shared, data=now.data, shipped=now.shipped
    )


def content_of(folder: RuleFolder) -> StoredText:
    """A folder's content under the SHA-256 of its bytes.

    Equal folders of two machines have one digest. A manifest and claims are no part of it.
    """
    # In one order of keys, so that equal folders of two machines have equal bytes.
    plain = msgspec.to_builtins(_portable(folder), str_keys=True)
    return release_text(msgspec.json.encode(plain, order="deterministic"))


def folder_of(text: StoredText | None, digest: str) -> RuleFolder:
    """The folder of stored content, hashed as it is read; raises ContentDamaged."""
    # Hashed before it is decoded: what was changed in the store is not even read.
    if text is None or sha256(text.body).hexdigest() != digest:
        raise ContentDamaged(
            f"the content of release {digest[:16]} is not in the store as it was confirmed: "
            "restore the store's backup"
        )
    try:
        return _DECODER.decode(text.body)
    except msgspec.MsgspecError:
        raise ContentDamaged(
            f"the content of release {digest[:16]} was stored by a newer program: run that one"
        ) from None


def _portable(folder: RuleFolder) -> RuleFolder:
    """The folder with the paths that messages show below `rules/`."""
    root = folder.root
    return replace(
        folder,
        products=tuple(_product(one, root) for one in folder.products),
        policy=_moved(folder.policy, root),
        laws=tuple(_file(one, root) for one in folder.laws),
        # What the author's machine adds is no rule, and may differ for the same rules.
        manifest=None,
        claims=None,
    )


def _product(product: ProductTexts, root: str) -> ProductTexts:
    rulesets: Mapping[int, TextFile] = {
        number: _file(file, root) for number, file in product.rulesets.items()
    }
    return replace(
        product,
        path=_path(product.path, root),
        rulesets=rulesets,
        plan=_moved(product.plan, root),
        desk=_moved(product.desk, root),
        tests=tuple(_file(one, root) for one in product.tests),
        stories=tuple(_file(one, root) for one in product.stories),
    )


def _moved(file: TextFile | None, root: str) -> TextFile | None:
    return None if file is None else _file(file, root)


def _file(file: TextFile, root: str) -> TextFile:
    return TextFile(_path(file.path, root), file.text)


def _path(path: str, root: str) -> str:
    # Where the folder is on a machine is nothing that two persons confirm.
    if path.startswith(PACKAGED) or not path.startswith(f"{root}/"):
        return path
    return f"{ROOT}/{path.removeprefix(f'{root}/')}"

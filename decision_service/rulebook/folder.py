"""A rules folder: its texts by product, its policy, and reading it whole from disk."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from decision_service.build import starter_rules
from decision_service.rollout.keys import DESK
from decision_service.rulebook.manifest import CLAIMS, MANIFEST
from decision_service.rulebook.rulebook import (
    MOST_PERCENT,
    POLICY,
    Acceptance,
    Floors,
    PlanRisk,
    Policy,
)
from decision_service.rules.inputs import SHARED
from decision_service.rules.language.diagnostics import Diagnostic, Report, did_you_mean
from decision_service.rules.language.fields import Fields, as_choice
from decision_service.rules.language.yaml import read
from decision_service.rules.program import RulesetFiles

_VERSION_FILE = re.compile(r"v([1-9][0-9]{0,5})\.yaml")

MOST_BYTES = 256 << 10
"""The size above which a rule file is refused."""

MOST_EVIDENCE_BYTES = 64 << 20
"""The size above which a file of evidence is not what was signed."""

MOST_LIST_BYTES = 4 << 20
"""The same for a list of keys."""

MOST_BYTES_OF_LISTS = 16 << 20
MOST_KEYS_OF_LISTS = 200_000
"""The sizes above which no further list is read, of all lists of a folder together."""

_DATA = "_data"
_SHARED = "_shared"
LAW = "_law"
PACKAGED = "(package)/_law"
"""Where messages say that a law of the package lies."""

_PLAN = "rollout.yaml"
_YAML_LIKE = (".yaml", ".yml")
_MISNAMED = (
    "the file has no place in a product: name a version v1.yaml, v2.yaml and so on, the plan "
    "rollout.yaml, and how persons review desk.yaml"
)
_HIDDEN = ("_", ".")
_TOO_MANY = (
    f"with this list those of the rules folder have more than {MOST_KEYS_OF_LISTS:,} keys or "
    f"{MOST_BYTES_OF_LISTS >> 20} MiB together: shorten or remove some"
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_READABLE = 0o644


def read_policy(
    path: str, text: str, products: Collection[str]
) -> tuple[Policy, tuple[Diagnostic, ...]]:
    """A policy and everything wrong with its text; `path` is as messages show it."""
    report = Report()
    node = read(path, text, report)
    fields = node and Fields.of(node, "the policy", report, optional=("floors", "accept"))
    if not fields:
        return Policy(), report.diagnostics()
    return Policy(_floors(fields), tuple(_accepted(fields, products))), report.diagnostics()


def _floors(fields: Fields) -> Floors:
    node = fields.get("floors")
    known = Floors.__struct_fields__
    inner = node and Fields.of(node, "`floors`", fields.report, optional=known)
    if not inner:
        return Floors()
    given = {name: inner.integer(name, 0, MOST_PERCENT) for name in known if inner.has(name)}
    return Floors(**{name: value for name, value in given.items() if value is not None})


def _accepted(fields: Fields, products: Collection[str]) -> Iterator[Acceptance]:
    report = fields.report
    seen = set[tuple[str, str]]()
    for item in fields.items("accept"):
        keys = Acceptance.__struct_fields__
        entry = Fields.of(item, "an entry of `accept`", report, required=keys)
        if not entry:
            continue
        product = entry.text("product")
        reason = entry.text("reason")
        what = entry.get("what")
        word = what and as_choice(what, "`what`", PlanRisk, report=report)
        if product is not None and product not in products:
            message = f"there is no product {product} here"
            report.warning("M014", entry.place("product"), message, did_you_mean(product, products))
        elif product and reason and word:
            # Of two reasons nobody could say which one counts.
            if (product, word) in seen:
                message = f"`{word}` of {product} is accepted twice"
                report.error("M015", entry.place("what"), message, "keep one reason")
            seen.add((product, word))
            yield Acceptance(product, PlanRisk(word), reason)


class TextFile(msgspec.Struct, frozen=True):
    """A file that was read; `path` is as messages show it, `rules/personal-loan-ph/v1.yaml`."""

    path: str
    text: str


class Unreadable(msgspec.Struct, frozen=True):
    path: str
    sentence: str


class ProductTexts(msgspec.Struct, frozen=True):
    """One product's folder: `rulesets` by version, tables and lists by their path within it."""

    product: str
    path: str
    rulesets: Mapping[int, TextFile] = msgspec.field(default_factory=dict)
    plan: TextFile | None = None
    desk: TextFile | None = None
    tables: Mapping[str, str] = msgspec.field(default_factory=dict)
    tests: tuple[TextFile, ...] = ()
    stories: tuple[TextFile, ...] = ()
    lists: Mapping[str, str] = msgspec.field(default_factory=dict)
    notices: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def contents(self) -> dict[str, str]:
        beside = filter(None, (self.plan, self.desk))
        files = (*self.rulesets.values(), *beside, *self.tests, *self.stories)
        shown = {file.path: file.text for file in files}
        named = {**self.tables, **self.lists, **self.notices}
        within = {f"{self.path}/{name}": text for name, text in named.items()}
        return {
            f"{self.product}{path.removeprefix(self.path)}": text
            for path, text in {**shown, **within}.items()
        }


class RuleFolder(msgspec.Struct, frozen=True):
    """A whole rules folder; `data` holds `_data/*.yaml` by file name.

    `shipped` are the names of those that the folder lacks, so that the package's own count. A
    version in `kept`, by product and number, has others in their place: see `keep_data`.
    `shared` holds the files of `_shared` by their path within the rules folder.
    `manifest` lists the files with their digests, where there is one, and `claims` is what the
    author's machine found out; `policy` is `policy.yaml`.
    `laws` are the files of `_law`, the package's own where the folder has none, and `unread_laws`
    those that could not be read. Neither is published with the rules, and nothing that decides
    rests on them: a law may change at any time.
    """

    products: tuple[ProductTexts, ...] = ()
    data: Mapping[str, str] = msgspec.field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    manifest: TextFile | None = None
    claims: TextFile | None = None
    shared: Mapping[str, str] = msgspec.field(default_factory=dict)
    shipped: tuple[str, ...] = ()
    policy: TextFile | None = None
    kept: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    laws: tuple[TextFile, ...] = ()
    unread_laws: tuple[Unreadable, ...] = ()

    def data_of(self, product: str, version: int) -> Mapping[str, str]:
        kept = self.kept.get(version_name(product, version))
        if kept is None:
            return self.data
        # What the folder has itself is its content; what the package brought is kept by version.
        own = {name: text for name, text in self.data.items() if name not in self.shipped}
        return {**kept, **own}

    @property
    def root(self) -> str:
        return self.products[0].path.rpartition("/")[0] if self.products else "rules"

    @property
    def contents(self) -> dict[str, str]:
        found = {f"_data/{name}": text for name, text in self.data.items()} | dict(self.shared)
        if self.policy is not None:
            found[POLICY] = self.policy.text
        for product in self.products:
            found.update(product.contents)
        return found

    @property
    def shared_lists(self) -> dict[str, str]:
        return {path: text for path, text in self.shared.items() if path.startswith(SHARED)}

    @property
    def shared_files(self) -> dict[str, str]:
        return {path: text for path, text in self.shared.items() if not path.startswith(SHARED)}


def version_name(product: str, version: int) -> str:
    return f"{product}@{version}"


def files_of(folder: RuleFolder, product: ProductTexts, version: int) -> RulesetFiles:
    file = product.rulesets[version]
    return RulesetFiles(
        product=product.product,
        path=file.path,
        text=file.text,
        data=folder.data_of(product.product, version),
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
    paths = [file.path.removeprefix(f"{product.path}/") for file in folder.unreadable]
    return {int(named[1]) for path in paths if (named := _VERSION_FILE.fullmatch(path))}


class RulesFolderMissing(Exception):
    """There is no folder to read rules from; `reason` is the operating system's."""

    def __init__(self, root: Path, reason: str) -> None:
        super().__init__(
            f"the rules folder {root} cannot be opened ({reason}): set DECISION_RULES_DIR to a "
            "folder of products, or make one with `decision-service init`"
        )
        self.reason = reason


def read_rules(root: Path) -> RuleFolder:
    """Unreadable files are values; raises RulesFolderMissing where `root` cannot be opened."""
    try:
        names = sorted(entry.name for entry in root.iterdir())
    except OSError as error:
        raise RulesFolderMissing(root, error.strerror or str(error)) from None
    return _Reading(root).folder(names)


class _Refused(Exception):
    """A file that is not read, and why."""


class _Reading:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._unreadable: list[Unreadable] = []
        self._closed: set[str] = set()
        self._list_bytes = self._list_keys = 0

    def folder(self, names: list[str]) -> RuleFolder:
        # A file of `_data` that the folder lacks is the package's own.
        data = {p.name: p.read_text("utf-8") for p in (starter_rules() / _DATA).glob("*.yaml")}
        own = self._own_data(data)
        products = [
            self._product(name)
            for name in names
            if not name.startswith(_HIDDEN) and (self._root / name).is_dir()
        ]
        manifest = self._single(MANIFEST, names)
        claims = self._single(CLAIMS, names)
        policy = self._single(POLICY, names)
        shared = {
            f"{_SHARED}/{name}": file.text for name, file in self._read(_SHARED, _YAML_LIKE)
        } | {f"{_SHARED}/{path}": text for path, text in self._lists(_SHARED).items()}
        laws = self._laws()
        return RuleFolder(
            products=tuple(products),
            data={name: own.get(name, data[name]) for name in sorted(data)},
            # Laws apart: one that cannot be read must not stop rules that decide.
            unreadable=tuple(one for one in self._unreadable if not self._of_law(one)),
            manifest=manifest,
            claims=claims,
            policy=policy,
            shared=shared,
            shipped=tuple(sorted(data.keys() - own.keys())),
            laws=laws,
            unread_laws=tuple(one for one in self._unreadable if self._of_law(one)),
        )

    def _laws(self) -> tuple[TextFile, ...]:
        """The folder's laws; a folder of an earlier release has none, and the package's count."""
        own = tuple(file for _, file in self._read(LAW, _YAML_LIKE))
        # A law that is there and cannot be read is not replaced by the package's without a word.
        if own or any(self._of_law(one) for one in self._unreadable):
            return own
        shipped = sorted((starter_rules() / LAW).glob("*.yaml"))
        return tuple(TextFile(f"{PACKAGED}/{p.name}", p.read_text("utf-8")) for p in shipped)

    def _of_law(self, file: Unreadable) -> bool:
        return file.path.startswith(self._shown(LAW))

    def _own_data(self, known: Collection[str]) -> dict[str, str]:
        own = {name: file.text for name, file in self._read(_DATA, _YAML_LIKE)}
        for name in sorted(own.keys() - known):
            sentence = f"no rule reads a file of this name: name it {', '.join(sorted(known))}"
            self._refuse(f"{_DATA}/{name}", sentence)
        return own

    def _lists(self, folder: str) -> dict[str, str]:
        found = {}
        for name, file in self._read(f"{folder}/lists", ".csv", MOST_LIST_BYTES):
            self._list_bytes += len(file.text.encode())
            # By lines, since no cell is read of lists that are too large together.
            self._list_keys += max(0, len(file.text.splitlines()) - 1)
            if self._list_bytes > MOST_BYTES_OF_LISTS or self._list_keys > MOST_KEYS_OF_LISTS:
                self._refuse(f"{folder}/lists/{name}", _TOO_MANY)
            else:
                found[f"lists/{name}"] = file.text
        return found

    def _single(self, name: str, names: list[str]) -> TextFile | None:
        if name not in names:
            return None
        try:
            return TextFile(self._shown(name), self._text(name, MOST_BYTES))
        except _Refused as refused:
            self._refuse(name, str(refused))
            return None

    def _product(self, name: str) -> ProductTexts:
        rulesets, beside = self._rules(name)
        tables = self._read(f"{name}/tables", ".csv")
        tests = self._read(f"{name}/tests", ".yaml")
        stories = self._read(f"{name}/stories", ".yaml")
        return ProductTexts(
            product=name,
            path=self._shown(name),
            rulesets=rulesets,
            plan=beside.get(_PLAN),
            desk=beside.get(DESK),
            tables={f"tables/{file}": read.text for file, read in tables},
            tests=tuple(read for _, read in tests),
            stories=tuple(read for _, read in stories),
            lists=self._lists(name),
            notices={
                f"notices/{file}": read.text
                for file, read in self._read(f"{name}/notices", _YAML_LIKE)
            },
        )

    def _rules(self, product: str) -> tuple[Mapping[int, TextFile], Mapping[str, TextFile]]:
        rulesets: dict[int, TextFile] = {}
        beside: dict[str, TextFile] = {}
        for name, file in self._read(product, _YAML_LIKE):
            if name in (_PLAN, DESK):
                beside[name] = file
            elif (version := _VERSION_FILE.fullmatch(name)) is not None:
                rulesets[int(version[1])] = file
            else:
                self._refuse(f"{product}/{name}", _MISNAMED)
        return rulesets, beside

    def _read(
        self, folder: str, endings: str | tuple[str, ...], most: int = MOST_BYTES
    ) -> Iterator[tuple[str, TextFile]]:
        for name in self._names(folder):
            path = f"{folder}/{name}"
            if name.startswith(_HIDDEN) or not name.endswith(endings):
                continue
            try:
                yield name, TextFile(self._shown(path), self._text(path, most))
            except _Refused as refused:
                self._refuse(path, str(refused))

    def _names(self, folder: str) -> list[str]:
        """The names in a folder that is there; of one that is not read no part is reported."""
        path = self._root / folder
        if folder.rpartition("/")[0] not in self._closed:
            try:
                names = sorted(entry.name for entry in path.iterdir())
                if path.resolve().is_relative_to(self._root.resolve()):
                    return names
                self._refuse(folder, "the folder is a link out of the rules folder: copy it in")
            except FileNotFoundError:
                if not path.is_symlink():
                    return []
                self._refuse(folder, "the folder is a link to nothing: mend or remove the link")
            except OSError as error:
                self._refuse(folder, f"the folder cannot be opened ({error.strerror})")
        self._closed.add(folder)
        return []

    def _text(self, path: str, most: int) -> str:
        try:
            body = self._bytes(self._root / path, most)
        # RuntimeError comes of links that lead in a circle.
        except (OSError, RuntimeError) as error:
            raise _Refused(
                f"the file cannot be read ({getattr(error, 'strerror', error)})"
            ) from None
        if len(body) > most:
            size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"
            raise _Refused(f"the file is larger than {size}: split it")
        # Plain letters in UTF-16 are valid UTF-8 with a null after each.
        if body.startswith(_UTF_16) or b"\0" in body:
            raise _Refused("the file is UTF-16: save it as UTF-8")
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Refused(
                f"the file is not UTF-8 at byte {error.start}: save it as UTF-8"
            ) from None

    def _bytes(self, path: Path, most: int) -> bytes:
        target = path.resolve(strict=True)
        if not target.is_relative_to(self._root.resolve()):
            raise _Refused("the file is a link out of the rules folder: copy the file in")
        # A pipe or a device could keep the reading waiting for ever.
        if not stat.S_ISREG(target.stat().st_mode):
            raise _Refused("the path is no ordinary file")
        with target.open("rb") as file:
            # One byte more than is allowed says that it is too large, whatever its size.
            return file.read(most + 1)

    def _refuse(self, path: str, sentence: str) -> None:
        self._unreadable.append(Unreadable(self._shown(path), sentence))

    def _shown(self, path: str) -> str:
        """The path as messages show it: below the folder's own name, with odd bytes spelt out."""
        root = self._root if self._root.parts and not self._root.is_absolute() else None
        shown = f"{root or self._root.resolve().name}/{path}"
        return shown.encode("utf-8", "backslashreplace").decode()


def write_whole(path: Path, text: str) -> None:
    """Replace a file's content at once; a link is followed, permissions stay.

    The new content lies on the disk before it takes the old one's place. Raises OSError, with the
    old content untouched.
    """
    target = path.resolve()
    # In the same folder, since only within a file system it can take the old one's place at once;
    # hidden, so that a reading meanwhile passes over it.
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            # Before it is renamed: after a power cut the name must not be that of an empty file.
            os.fsync(file.fileno())
        # A temporary file can be read by its owner alone.
        fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else _READABLE)
        fresh.replace(target)
    # Also where the program is interrupted: no half file is left.
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise

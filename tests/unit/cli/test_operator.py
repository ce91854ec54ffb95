"""What an operator sets up: a first folder, settings, keys and tokens."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from decision_service.app.core import StartError
from decision_service.app.wiring import start
from decision_service.decide.application import history_keys
from decision_service.domain.ports import Filter
from decision_service.rulebook.load import blocked_names
from decision_service.runtime.config import load
from decision_service.runtime.settings import ConfigError, Settings
from decision_service.server.transport.callers import read_callers
from decision_service.store.store import Store
from tests.e2e.service import environ
from tests.e2e.team import Office
from tests.kits.cases import cases
from tests.kits.decision_log import SNAPSHOT, numbered
from tests.kits.history_log import decided, present
from tests.kits.rollout_journal import FIRST, SECOND
from tests.unit.cli.commands import ROOT, SHIPPED, Done, command, product_folder


def files(top: Path) -> dict[str, bytes]:
    """The files below a folder, with their content."""
    found = (one for one in top.rglob("*") if one.is_file())
    return {str(one.relative_to(top)): one.read_bytes() for one in found}


def test_a_new_folder_has_rules_and_settings(capsys, tmp_path):
    """The starter rules with tests and plans, and a settings file that changes nothing as yet."""
    done = command(capsys, "init", tmp_path / "a" / "b")
    assert done.code == 0
    assert f"cd {tmp_path}/a/b\n" in done.out
    assert files(tmp_path / "a" / "b" / "rules") == files(SHIPPED)
    assert load(tmp_path / "a" / "b" / "decision-service.yaml", {}) == load(environ={})


def test_the_protos_are_written_for_clients(capsys, tmp_path):
    assert command(capsys, "init", "--protos", tmp_path / "protos").code == 0
    written = files(tmp_path / "protos")
    assert "decision_service/api/v1/service_config.json" in written
    kept = {name for name in files(ROOT / "protos") if not name.endswith((".py", ".pyc"))}
    assert set(written) == kept


def test_the_files_for_operators_are_written(capsys, tmp_path):
    """Chart, compose file, units, front, alerts, dashboards, and scripts that can be run."""
    folder = tmp_path / "deploy"
    assert command(capsys, "init", "--deploy", folder).code == 0
    written = files(folder)
    assert {name.split("/")[0] for name in written} == {
        "chart", "compose", "drills", "front", "grafana", "prometheus", "systemd"
    }  # fmt: skip
    for name, content in written.items():
        assert content == (ROOT / "deploy" / name).read_bytes()
    assert not [name for name in written if name.endswith((".py", ".mk"))]
    assert os.access(folder / "drills" / "backup.sh", os.X_OK)
    assert "chart/decision-service/templates/_pod.tpl" in written


def test_two_kinds_of_folder_are_two_calls(capsys, tmp_path):
    done = command(capsys, "init", "--deploy", "--protos", tmp_path / "both")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("options", [[], ["--protos"], ["--deploy"]])
@pytest.mark.parametrize("name", ["notes.txt", ".git"])
def test_a_folder_with_anything_in_it_is_left_alone(capsys, tmp_path, options, name):
    (tmp_path / name).write_text("mine")
    done = command(capsys, "init", *options, tmp_path)
    assert done.code == 2
    assert done.err == f"{tmp_path} is not empty ({name} is in it): give a new folder\n"
    assert files(tmp_path) == {name: b"mine"}


def test_a_place_that_is_no_folder_is_told(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        done = command(capsys, "init", place)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert done.err.startswith(f"{place} cannot be written (")


KEYS = {"SMILE_MODE": "sandbox", "SMILE_API_KEY": "canary-1", "SMILE_API_SECRET": "canary-2"}
DEFAULTS: dict[str, object] = {}


@pytest.fixture(autouse=True, scope="module")
def _small_rules(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("small")
    product_folder(folder)
    DEFAULTS["RULES_DIR"] = folder / "rules"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DECISION_")]:
        monkeypatch.delenv(name)


def checked(capsys: pytest.CaptureFixture[str], folder: Path, **settings: object) -> Done:
    """What the command comes to with a file of these settings."""
    file = folder / "settings.yaml"
    values = {**DEFAULTS, **settings}
    file.write_text("".join(f"DECISION_{name}: {value}\n" for name, value in values.items()))
    return command(capsys, "config", "check", "--config", file)


def test_what_can_be_used_is_listed_and_nothing_else_said(tmp_path, capsys):
    """Exit code 0; every setting has a line with its source; secrets are masked."""
    office = Office(tmp_path)
    tls = {name.upper(): value for name, value in office.settings(clients=True).items()}
    done = checked(capsys, tmp_path, **KEYS, **tls)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == len(Settings.model_fields)
    assert "canary" not in done.out
    [line] = [line for line in done.out.splitlines() if "TLS_KEY_FILE" in line]
    assert line.split() == [
        "DECISION_TLS_KEY_FILE",
        str(office.key),
        f"{tmp_path / 'settings.yaml'}:6",
    ]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("BACKTEST_JOBS", "remove it: `decision-service backtest"),
        ("SMILE_FETCH", "remove it: people are read by lists"),
        ("WORKERS", "start several `serve`"),
    ],
)
def test_a_setting_that_is_gone_is_named_with_what_to_do(tmp_path, capsys, name, instead):
    done = checked(capsys, tmp_path, **{name: "x"})
    said = " ".join(done.err.split())
    assert done.code == 2
    assert f"there is no setting DECISION_{name} (in " in said
    assert f"settings.yaml:2) any more: {instead}" in said


def test_json_has_the_same_for_programs(capsys, monkeypatch):
    """Settings and problems, also where a value is wrong."""
    monkeypatch.setenv("DECISION_DRAIN_GRACE", "30")
    done = command(capsys, "config", "check", "--format", "json")
    shown: dict[str, Any] = json.loads(done.out)
    [grace] = [one for one in shown["settings"] if one["name"] == "DECISION_DRAIN_GRACE"]
    assert grace == {"name": "DECISION_DRAIN_GRACE", "value": "30", "from": "the environment"}
    assert done.code == 2
    assert shown["problems"] == [done.err.strip()]


@pytest.mark.parametrize(("settings", "sentence"), cases("cli/config_check"))
def test_what_serve_could_not_use_is_a_sentence(tmp_path, capsys, settings, sentence):
    """Exit code 2, the setting's name, and no secret; nothing is written."""
    done = checked(capsys, tmp_path, **settings)
    assert done.code == 2
    assert sentence in done.err.splitlines()[0]
    assert "DECISION_" in done.err
    assert "canary" not in done.err + done.out
    assert [path.name for path in tmp_path.iterdir()] == ["settings.yaml"]


def test_rules_that_do_not_load_are_named_as_serve_names_them(tmp_path, capsys):
    """Here for a blocked factor: the folder, and each rule that uses it by its line."""
    done = checked(capsys, tmp_path, BLOCKED_FACTORS="income.median_6m", RULES_DIR=SHIPPED)
    first, *lines = done.err.splitlines()
    assert (done.code, first.startswith(f"the rules in {SHIPPED} have 6 errors")) == (2, True)
    assert len([line for line in lines if "`income.median_6m` may not be used" in line]) == 6


@pytest.mark.parametrize(
    "setting",
    ["AUTH_TOKENS_FILE", "DATA_KEY_FILE", "IDENTITY_KEY_FILE", "TLS_KEY_FILE", "LOG_HASH_KEY_FILE"],
)
async def test_a_file_that_every_user_may_write_is_refused(tmp_path, capsys, setting):
    """Whoever writes it decides who may call, or reads what is stored; `serve` says the same."""
    office, file = Office(tmp_path / "tls"), tmp_path / "file"
    file.write_text(
        {
            "AUTH_TOKENS_FILE": "callers:\n  a:\n    roles: [decide]\n"
            "    certificates: [a.internal]\n",
            "TLS_KEY_FILE": office.key.read_text(),
        }.get(setting, base64.b64encode(b"k" * 32).decode())
    )
    tls = office.settings() if setting == "TLS_KEY_FILE" else {}
    given = {**KEYS, **{name.upper(): value for name, value in tls.items()}, setting: file}
    file.chmod(0o664)
    assert checked(capsys, tmp_path, **given).code == 0
    file.chmod(0o666)
    done = checked(capsys, tmp_path, **given)
    assert (done.code, f"{file}" in done.err, "chmod o-w" in done.err) == (2, True, True)
    own = {name.lower(): str(value) for name, value in given.items()}
    with pytest.raises((StartError, ConfigError), match=re.escape(str(file))):
        await start(load(environ=environ(tmp_path, **own)))


def test_an_expired_certificate_is_a_problem(tmp_path, capsys):
    """Before a client sees it."""
    office = Office(tmp_path)
    office.renew("127.0.0.1", not_after=datetime(2020, 1, 2, tzinfo=UTC))
    tls = {name.upper(): value for name, value in office.settings().items()}
    done = checked(capsys, tmp_path, **KEYS, **tls)
    assert done.err == (
        f"DECISION_TLS_CERT_FILE ({office.cert}) expired on 2020-01-02: replace the certificate\n"
    )


@pytest.mark.parametrize("names", ["", "identity.age_years, inputs.gender", "inputs.religion"])
def test_factors_and_inputs_may_be_blocked(names: str) -> None:
    """An input need not be declared anywhere: rules that declare a blocked one are refused."""
    assert len(blocked_names(load(environ={"DECISION_BLOCKED_FACTORS": names}))) <= 2


@pytest.mark.parametrize(
    "name", ["age_years", "input.gender", "inputs.", "inputs.Gender", "x" * 500]
)
def test_any_other_name_blocks_nothing_and_is_refused(name: str) -> None:
    """A name that is misspelt would leave what it means in use."""
    with pytest.raises(ConfigError, match="DECISION_BLOCKED_FACTORS"):
        blocked_names(load(environ={"DECISION_BLOCKED_FACTORS": name}))


async def test_a_service_with_a_logo_that_could_run_does_not_start(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg">\n<script/></svg>')
    settings = environ(tmp_path, connect_logo_file=str(logo), connect_company_name="Acme")
    with pytest.raises(StartError) as refused:
        await start(load(environ=settings))
    assert str(refused.value).startswith(f"DECISION_CONNECT_LOGO_FILE: {logo} is no picture")


async def test_a_service_with_an_unknown_name_does_not_start(tmp_path: Path) -> None:
    settings = environ(tmp_path, blocked_factors="identity.age_year")
    with pytest.raises(StartError, match=r"did you mean identity\.age_years"):
        await start(load(environ=settings))


@pytest.mark.parametrize("words", [("preflight",), ("rules", "check", SHIPPED)])
def test_every_command_that_reads_rules_refuses_an_unknown_name(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    """With the nearest factor, before any rule is read by it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECISION_RULES_DIR", str(SHIPPED))
    monkeypatch.setenv("DECISION_BLOCKED_FACTORS", "identity.age_year")
    done = command(capsys, *words)
    assert (done.code, "did you mean identity.age_years?" in done.err) == (2, True)


OUTSIDE = {"SMILE_MODE": "sandbox", "SMILE_API_KEY": "key-of-8", "SMILE_API_SECRET": "secret-8"}


@pytest.fixture
def url(tmp_path, monkeypatch):
    """A store of the test's own, which the settings name; its key files are beside it."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    monkeypatch.setenv("DECISION_STORE_URL", url)
    return url


def added(capsys, kind):
    """The id of a new key."""
    return command(capsys, "keys", kind, "add").out.split()[-1]


async def stored(url, file):
    """Store a decision on a snapshot; whether that reads back."""
    store = await Store.open(url, data_keys=file)
    await store.commit(numbered(1, snapshot=SNAPSHOT))
    found = await store.snapshot(SNAPSHOT.user_id, SNAPSHOT.id)
    await store.aclose()
    return found == SNAPSHOT.body


def test_a_data_key_is_rotated(capsys, tmp_path, url):
    """A key that wraps cannot be deleted; after `rewrap` it can, and snapshots still open."""
    file = tmp_path / "decisions.db.data-keys"
    old = added(capsys, "data")
    assert asyncio.run(stored(url, file))
    new = added(capsys, "data")
    assert command(capsys, "keys", "data", "list").out.split() == [new, old]
    refused = command(capsys, "keys", "data", "forget", old)
    sentence = f"{old} wraps users' keys: run `decision-service keys data rewrap` first\n"
    assert (refused.code, refused.err) == (2, sentence)
    assert command(capsys, "keys", "data", "rewrap").out.startswith("1 keys of users are wrapped")
    assert command(capsys, "keys", "data", "forget", old).code == 0
    assert command(capsys, "keys", "data", "list").out.split() == [new]
    assert asyncio.run(stored(url, file))
    for key, said in ((new, "is the newest key"), ("00000000", "has no key 00000000: see `list`")):
        done = command(capsys, "keys", "data", "forget", key)
        assert (done.code, said in done.err) == (2, True)


async def entered(url, accounts):
    """How many hashes are found, once a decision on these accounts is stored."""
    store = await Store.open(url)
    keys = history_keys("user-1", "los", "", store.identity_keys, accounts).accounts
    for number, account in enumerate(keys):
        await store.commit(decided(number, account))
    found = present(await store.past([key for account in keys for key in account]))
    await store.aclose()
    return len(found)


def test_an_identity_key_is_rotated(capsys, tmp_path, url):
    """The newest key is listed first; forgetting the old one leaves the hashes of the new one."""
    file = tmp_path / "decisions.db.identity-keys"
    old, new = added(capsys, "identity"), added(capsys, "identity")
    assert command(capsys, "keys", "identity", "list").out.split() == [new, old]
    assert asyncio.run(entered(url, ["a-1", "a-2"])) == 4
    done = command(capsys, "keys", "identity", "forget", old)
    assert (done.code, done.out.split()[0]) == (0, "2")
    file.write_text(file.read_text().splitlines()[0] + "\n")
    assert asyncio.run(entered(url, [])) == 0


async def contents(url, *entries):
    """Commit decisions, and read the content of every one that the store holds."""
    store = await Store.open(url)
    for entry in entries:
        await store.commit(entry)
    found = [one.content for one in await store.list(Filter(), None, 10)]
    await store.aclose()
    return found


def test_hashes_of_who_applied_go_with_their_key(capsys, url):
    """Those under another key stay, and so do the digests of requests."""
    old, new = added(capsys, "identity"), added(capsys, "identity")
    plain = b"\x01" * 32
    hashed = [plain + b"R" + bytes.fromhex(key) + b"a hash" for key in (old, new)]
    entries = [numbered(number, content=one) for number, one in enumerate((*hashed, plain))]
    asyncio.run(contents(url, *entries))
    assert command(capsys, "keys", "identity", "forget", old).code == 0
    assert sorted(asyncio.run(contents(url))) == [plain, plain, hashed[1]]


async def stepped(url, file, *steps):
    """Add steps of a rollout, and read what the journal has."""
    store = await Store.open(url, journal_keys=file)
    try:
        for step in steps:
            await store.append(step)
        return [*await store.history(FIRST.product, None, 10)]
    finally:
        await store.aclose()


def test_journals_are_sealed_and_sealed_anew(capsys, tmp_path, url, monkeypatch):
    """What was never sealed takes the flag, once; an old key may go when all is sealed anew."""
    file = tmp_path / "journal-keys"
    seal = ("keys", "journal", "seal")
    done = command(capsys, *seal)
    assert (done.code, done.err) == (2, "set DECISION_JOURNAL_KEY_FILE, or name a file by --file\n")
    asyncio.run(stepped(url, None, FIRST))
    monkeypatch.setenv("DECISION_JOURNAL_KEY_FILE", str(file))
    old = added(capsys, "journal")
    never = command(capsys, *seal)
    assert (never.code, never.err.count("\n")) == (2, 1)
    assert "never sealed: run `decision-service keys journal seal --take-over`" in never.err
    taken = command(capsys, *seal, "--take-over")
    sentence = f"1 entries of journals are sealed, by the newest key of {file}\n"
    assert (taken.code, taken.out) == (0, sentence)
    assert asyncio.run(stepped(url, file, SECOND)) == [SECOND, FIRST]
    new = added(capsys, "journal")
    assert command(capsys, *seal, "--file", file).out.startswith("2 entries of journals are")
    file.write_text(file.read_text().splitlines()[0] + "\n")
    assert asyncio.run(stepped(url, file)) == [SECOND, FIRST]
    assert old != new
    added(capsys, "journal")
    file.write_text(file.read_text().splitlines()[0] + "\n")
    lost = command(capsys, *seal)
    assert (lost.code, f"sealed by the journal key {new}, which" in lost.err) == (2, True)


@pytest.mark.parametrize("words", ["forget xyz", "list", "rewrap", "forget 00000000"])
def test_what_is_no_key_or_no_file_is_one_sentence(capsys, tmp_path, words, url):
    done = command(capsys, "keys", "data", *words.split())
    said = f"the data key file {tmp_path}/decisions.db.data-keys cannot be read"
    said = "is no id of a key" if "xyz" in words else said
    assert (done.code, said in done.err, done.err.count("\n")) == (2, True, 1)


@pytest.mark.parametrize("place", ["", "no/keys", "k" * 300])
def test_a_place_where_no_file_can_be_is_one_sentence(capsys, tmp_path, place, url):
    for verb in ("add", "list", "rewrap"):
        done = command(capsys, "keys", "data", verb, "--file", tmp_path / place)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert done.err.startswith(f"the data key file {tmp_path / place} cannot be ")


@pytest.mark.parametrize("kind", ["data", "identity"])
def test_where_no_file_is_beside_the_store_one_must_be_named(capsys, monkeypatch, kind, url):
    """Beside a database it would be stolen with it: the sentence says which setting to give."""
    for name, value in OUTSIDE.items():
        monkeypatch.setenv(f"DECISION_{name}", value)
    monkeypatch.setenv("DECISION_STORE_URL", "postgresql://u:p@127.0.0.1:1/d")
    done = command(capsys, "keys", kind, "list")
    setting = f"DECISION_{kind.upper()}_KEY_FILE"
    assert (done.code, done.err) == (2, f"set {setting}, or name a file by --file\n")


def test_a_fresh_token_is_let_in_by_its_line(capsys):
    """The token alone is on stdout; the line on stderr opens to it with its roles."""
    done = command(capsys, "tokens", "new", "los-a", "--role", "decide", "--role", "read")
    assert done.code == 0
    [token] = done.out.splitlines()
    assert token not in done.err
    line = done.err.splitlines()[-1]
    callers = read_callers("callers.yaml", f"callers:\n{line}\n").callers
    assert callers is not None
    known = callers.by_token(token)
    assert known is not None
    caller = known.caller
    assert (caller.name, sorted(caller.roles)) == ("los-a", ["decide", "read"])
    assert len(yaml.safe_load(line)["los-a"]["tokens"]) == 1
    assert command(capsys, "tokens", "new", "los-a", "--role", "decide").out != done.out


def test_what_is_printed_of_tokens_can_be_appended_to_a_file(capsys, tmp_path):
    """Of two callers, by `2>>callers.yaml`."""
    file = tmp_path / "callers.yaml"
    file.write_text("callers:\n")
    for name in ("los-a", "los-b"):
        done = command(capsys, "tokens", "new", name, "--role", "decide")
        file.write_text(file.read_text() + done.err)
    assert command(capsys, "tokens", "check", file).out == f"{file} is in order\n"


def test_a_token_needs_a_name_and_a_role(capsys):
    for words in (["Los A", "--role", "decide"], ["los-a"], ["los-a", "--role", "boss"]):
        done = command(capsys, "tokens", "new", *words)
        assert (done.code, done.out) == (2, "")


def test_a_callers_file_can_be_checked_before_it_is_used(capsys, tmp_path):
    file = tmp_path / "callers.yaml"
    file.write_text("callers: {los: {roles: [decide], certificates: [los.internal]}}\n")
    assert command(capsys, "tokens", "check", file).out == f"{file} is in order\n"
    file.write_text("callers: {los: {roles: [decide]}}\n")
    done = command(capsys, "tokens", "check", file)
    assert done.code == 1
    assert f"{file}:1:16: error A104" in done.err


def test_a_callers_file_that_cannot_be_read_is_wrong_usage(capsys, tmp_path):
    done = command(capsys, "tokens", "check", tmp_path / "nowhere.yaml")
    assert done.code == 2
    assert "cannot be read: No such file or directory" in done.err

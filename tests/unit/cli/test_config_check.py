"""`config check`: every setting with its source, and everything that `serve` could not use."""

from __future__ import annotations

import base64
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from decision_service.app.core import StartError
from decision_service.app.wiring import start
from decision_service.rulebook.load import blocked_names
from decision_service.runtime.config import load
from decision_service.runtime.settings import ConfigError, Settings
from tests.e2e.office import Office
from tests.e2e.service import environ
from tests.kits.cases import cases
from tests.unit.cli.commands import SHIPPED, Done, command, product_folder

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


def test_what_can_be_used_is_listed_and_nothing_else_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
def test_a_setting_that_is_gone_is_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, instead: str
) -> None:
    """A settings file from before is refused in one sentence with its line."""
    done = checked(capsys, tmp_path, **{name: "x"})
    said = " ".join(done.err.split())
    assert done.code == 2
    assert f"there is no setting DECISION_{name} (in " in said
    assert f"settings.yaml:2) any more: {instead}" in said


def test_json_has_the_same_for_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings and problems, also where a value is wrong."""
    monkeypatch.setenv("DECISION_LEASE", "30")
    done = command(capsys, "config", "check", "--format", "json")
    shown: dict[str, Any] = json.loads(done.out)
    [lease] = [one for one in shown["settings"] if one["name"] == "DECISION_LEASE"]
    assert lease == {"name": "DECISION_LEASE", "value": "30", "from": "the environment"}
    assert done.code == 2
    assert shown["problems"] == [done.err.strip()]


@pytest.mark.parametrize(("settings", "sentence"), cases("cli/config_check"))
def test_what_serve_could_not_use_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, str], sentence: str
) -> None:
    """Exit code 2, the setting's name, and no secret; nothing is written."""
    done = checked(capsys, tmp_path, **settings)
    assert done.code == 2
    assert sentence in done.err.splitlines()[0]
    assert "DECISION_" in done.err
    assert "canary" not in done.err + done.out
    assert [path.name for path in tmp_path.iterdir()] == ["settings.yaml"]


def test_rules_that_do_not_load_are_named_as_serve_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here for a blocked factor: the folder, and each rule that uses it by its line."""
    done = checked(capsys, tmp_path, BLOCKED_FACTORS="income.median_6m", RULES_DIR=SHIPPED)
    first, *lines = done.err.splitlines()
    assert (done.code, first.startswith(f"the rules in {SHIPPED} have 6 errors")) == (2, True)
    assert len([line for line in lines if "`income.median_6m` may not be used" in line]) == 6


@pytest.mark.parametrize(
    "setting",
    ["AUTH_TOKENS_FILE", "DATA_KEY_FILE", "IDENTITY_KEY_FILE", "TLS_KEY_FILE", "LOG_HASH_KEY_FILE"],
)
async def test_a_file_that_every_user_may_write_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
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


def test_an_expired_certificate_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    """The sentence names the setting and the file."""
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg">\n<script/></svg>')
    settings = environ(tmp_path, connect_logo_file=str(logo), connect_company_name="Acme")
    with pytest.raises(StartError) as refused:
        await start(load(environ=settings))
    assert str(refused.value).startswith(f"DECISION_CONNECT_LOGO_FILE: {logo} is no picture")


async def test_a_service_with_an_unknown_name_does_not_start(tmp_path: Path) -> None:
    """Nothing is served while a factor that was to be blocked is not."""
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

"""Settings: their order, their mistakes in one sentence, the sample file and the systemd unit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from decision_service.runtime.address import split_address
from decision_service.runtime.config import (
    Line,
    SampleForm,
    default_text,
    load,
    read,
    sample,
    takes,
)
from decision_service.runtime.settings import VENDOR_LIMIT, ConfigError, Settings, SmileMode
from tests.kits.cases import cases
from tests.unit.cli.commands import command

KEYS = {
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}

TLS = {"DECISION_TLS_CERT_FILE": "c", "DECISION_TLS_KEY_FILE": "k"}


def test_defaults_serve_the_embedded_sandbox_on_loopback() -> None:
    """Nothing needs to be set for a first run."""
    settings = load(environ={})
    assert settings.smile_mode is SmileMode.EMBEDDED
    assert settings.grpc_address == "127.0.0.1:50051"
    assert settings.drain_seconds == 0.0


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    """Both are read; the environment has the last word."""
    file = tmp_path / "service.yaml"
    file.write_text("GRPC_ADDRESS: 127.0.0.1:1\nDRAIN_GRACE: 250ms\n")
    settings = load(file, {"DECISION_GRPC_ADDRESS": "127.0.0.1:2"})
    assert settings.grpc_address == "127.0.0.1:2"
    assert settings.drain_grace == 0.25


@pytest.mark.parametrize(("environ", "sentence"), cases("runtime/config"))
def test_mistakes_are_told_in_one_sentence(environ: dict[str, str], sentence: str) -> None:
    """Each names the setting and what to do, without a traceback or a second line."""
    with pytest.raises(ConfigError) as error:
        load(environ=environ)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"DECISION_ALLOW_PLAINTEXT": "true"},
        {**KEYS, **TLS, "DECISION_AUTH_TOKENS_FILE": "callers.yaml"},
        {**KEYS, **TLS, "DECISION_TLS_CLIENT_CA_FILE": "ca.pem"},
    ],
)
def test_others_may_reach_what_is_encrypted_and_knows_them(environ: dict[str, str]) -> None:
    """Off loopback TLS and known callers are enough, or a proxy that answers for both."""
    everywhere = {"DECISION_GRPC_ADDRESS": "0.0.0.0:1", "DECISION_HTTP_ADDRESS": "0.0.0.0:2"}
    assert load(environ=environ | everywhere).grpc_address == "0.0.0.0:1"


def test_ports_that_the_system_chooses_are_not_the_same() -> None:
    """Port 0 is another one each time."""
    anywhere = dict.fromkeys(("GRPC_ADDRESS", "HTTP_ADDRESS", "ADMIN_ADDRESS"), "127.0.0.1:0")
    chosen = load(environ={f"DECISION_{name}": address for name, address in anywhere.items()})
    assert chosen.admin_address == "127.0.0.1:0"


def test_what_commands_read_is_no_setting_and_no_error() -> None:
    """A shell that names a token for commands can start the service all the same."""
    assert load(environ={"DECISION_CLIENT_TOKEN_FILE": "token"}).auth_tokens_file is None


def test_secrets_show_nowhere() -> None:
    """Neither repr nor an error of another field holds a secret."""
    environ = {
        "DECISION_SMILE_MODE": "sandbox",
        "DECISION_SMILE_API_KEY": "key-canary",
        "DECISION_SMILE_API_SECRET": "secret-canary",
    }
    assert "canary" not in repr(load(environ=environ))
    store = {"DECISION_STORE_URL": "postgresql://u:canary@db/x"}
    assert "canary" not in repr(
        load(environ=environ | store | {"DECISION_SMILE_API_KEY": "key-of-8"})
    )
    with pytest.raises(ConfigError) as error:
        load(environ=environ | {"DECISION_DRAIN_GRACE": "-1"})
    assert "canary" not in str(error.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """`…_FILE` names a file whose content, without its line end, is the secret."""
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    settings = load(environ={"DECISION_SMILE_API_SECRET_FILE": str(file)})
    assert settings.smile_api_secret.get_secret_value() == "s3cret"
    file.write_text("sqlite:///of-a-file.db\n")
    settings = load(environ={"DECISION_STORE_URL_FILE": str(file)})
    assert settings.store_url == "sqlite:///of-a-file.db"


@pytest.mark.parametrize("text", ["- a list", "a: [", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """What is not YAML, or not a mapping, is named with its path."""
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load(file, {})


def test_settings_do_not_read_the_process_environment_by_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only `load` looks at the environment, so that unknown names cannot slip past it."""
    monkeypatch.setenv("DECISION_GRPC_ADDRESS", "127.0.0.1:9")
    assert load(environ={}).grpc_address == "127.0.0.1:50051"
    assert Settings.model_config["extra"] == "forbid"


@pytest.mark.parametrize(
    ("name", "text", "read_as", "means"),
    [
        ("BLOCKED_FACTORS", "income.x, inputs.y ,", "blocked", {"income.x", "inputs.y"}),
        ("RETENTION", "13", "retention", 13),
        ("RETENTION", "25 months", "retention", 25),
        ("RETENTION", "1 month", "retention", 1),
        ("ON_REVOKE", "erase_decisions", "on_revoke", "erase_decisions"),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
    ],
)
def test_a_text_is_read_as_its_kind(name: str, text: str, read_as: str, means: object) -> None:
    """Names between commas, months with the word or without, words in either case."""
    assert getattr(load(environ={f"DECISION_{name}": text}), read_as) == means


@pytest.mark.parametrize("text", ["\0", "1e999999", "x" * 1000], ids=["nul", "huge", "long"])
def test_a_wrong_value_of_any_setting_is_named_as_it_is_set(text: str) -> None:
    """A value that no kind of setting takes is one sentence that begins with the whole name."""
    for name in Settings.model_fields:
        shown = f"DECISION_{name.upper()}"
        found = read(environ={shown: text})
        named = found.settings is not None or found.problems[0].startswith(shown)
        assert named, found.problems
        assert all("DECISION_" in one and "\n" not in one for one in found.problems)


@pytest.mark.parametrize("text", ["a", "1", "-1", "true", "", "1s", "https://k:canary@host/v1"])
def test_text_in_the_file_means_what_it_means_in_the_environment(tmp_path: Path, text: str) -> None:
    """YAML's own kinds of values count for nothing: both sources take and refuse the same."""
    file = tmp_path / "service.yaml"
    for name in Settings.model_fields:
        shown = f"DECISION_{name.upper()}"
        file.write_text(f"{shown}: {text}\n")
        here, there = read(file, {}), read(environ={shown: text})
        assert here.settings == there.settings
        problems = [one.replace(f"{file}:1", "the environment") for one in here.problems]
        assert problems == [*there.problems]
        assert "canary" not in str(here.problems) + str([*here.lines()])


def test_a_mistake_in_the_file_has_its_line(tmp_path: Path) -> None:
    """A wrong value, a name that is set twice and one with several values."""
    file = tmp_path / "service.yaml"
    file.write_text(
        "DRAIN_GRACE: 30\nREFLECTION: true\nREFLECTION: false\nBLOCKED_FACTORS: [a, b]\n"
    )
    assert read(file, {}).problems == (
        f"DECISION_REFLECTION ({file}:3) is set twice: leave one out",
        f"DECISION_BLOCKED_FACTORS ({file}:4) takes one value, not several",
        f"DECISION_DRAIN_GRACE is '30' (in {file}:1): it takes {takes('drain_grace')}",
    )
    assert takes("drain_grace").endswith("such as 250ms, 5s, 15m, 24h or 14d")


def test_every_mistake_is_found_at_once() -> None:
    """Wrong names and wrong values together; contradictions where the values are right."""
    environ = {
        "DECISION_DRAIN_GRACE": "1",
        "DECISION_LOG_LEVEL": "loud",
        "DECISION_DRAIN_GRASE": "1s",
    }
    names = [one.split()[0] for one in read(environ=environ).problems]
    assert names == ["there", "DECISION_LOG_LEVEL", "DECISION_DRAIN_GRACE"]
    both = {"DECISION_TLS_CERT_FILE": "c", "DECISION_REUSE_PORT": "true"}
    assert len(read(environ=both).problems) == 3


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    """The environment, the file and its line, a secret's file, or the default, without secrets."""
    file, secret = tmp_path / "service.yaml", tmp_path / "secret"
    secret.write_text("canary")
    file.write_text(f"DRAIN_GRACE: 1s\nSMILE_API_SECRET_FILE: {secret}\n")
    lines = {one.name: one for one in read(file, {"DECISION_SMILE_API_KEY": "canary"}).lines()}
    assert lines["DECISION_DRAIN_GRACE"].where == f"{file}:1"
    assert lines["DECISION_SMILE_API_KEY"] == Line(
        "DECISION_SMILE_API_KEY", "***", "the environment"
    )
    assert lines["DECISION_SMILE_API_SECRET"].where.startswith(f"{secret}, DECISION_SMILE_API_SEC")
    assert lines["DECISION_ACCOUNTS_MAX_AGE"] == Line("DECISION_ACCOUNTS_MAX_AGE", "15m", "default")
    assert {*lines} == {f"DECISION_{name.upper()}" for name in Settings.model_fields}
    assert "canary" not in str(lines)


def test_a_secret_has_one_source(tmp_path: Path) -> None:
    """Its value and its file together are a mistake, and so is an empty file."""
    file = tmp_path / "secret"
    file.write_text("\n")
    named = {"DECISION_LOG_HASH_KEY_FILE": str(file)}
    assert "is empty" in read(environ=named).problems[0]
    assert "both set" in read(environ=named | {"DECISION_LOG_HASH_KEY": "k"}).problems[0]


ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "deploy" / "decision-service.yaml"
LINE = re.compile(r"^#(DECISION_[A-Z_]+): (.*)$", re.MULTILINE)


def test_the_committed_sample_is_fresh(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is what the settings give; another file is exit code 1 with the command to write it."""
    assert command(capsys, "config", "sample", "--check", COMMITTED).code == 0
    stale = tmp_path / "old.yaml"
    stale.write_text(COMMITTED.read_text("utf-8").replace("15m", "16m"), "utf-8")
    done = command(capsys, "config", "sample", "--check", stale)
    assert (done.code, "write it anew" in done.err) == (1, True)


def test_the_sample_sets_nothing() -> None:
    """Every line is a comment, so that a copy of it changes nothing until it is edited."""
    assert yaml.safe_load(sample()) is None
    lines = sample(SampleForm.ENV).splitlines()
    assert all(line.startswith("#") or not line for line in lines)


def test_each_line_of_the_sample_may_be_used() -> None:
    """Every setting is there, described, with a value that it takes: its default if it has one."""
    values, defaults = dict(LINE.findall(sample())), load(environ={})
    for name, field in Settings.model_fields.items():
        shown = f"DECISION_{name.upper()}"
        assert read(environ={shown: values[shown]}).settings is not None, name
        assert field.description
        if default := default_text(name):
            assert values[shown] == default
            assert getattr(load(environ={shown: default}), name) == getattr(defaults, name)


def test_both_forms_say_the_same() -> None:
    """The environment file has the lines of the YAML file with another sign between."""
    env = re.sub(r"^#(DECISION_[A-Z_]+)=", r"#\1: ", sample(SampleForm.ENV), flags=re.MULTILINE)
    assert env == sample()


def test_no_page_names_a_setting_without_its_prefix() -> None:
    """What a reader copies from the docs, the unit or the sample is the name as it is set."""
    own = "|".join(sorted((name.upper() for name in Settings.model_fields), key=len, reverse=True))
    bare = re.compile(rf"(?<![A-Z_…])({own})(_FILE)?(?![A-Z_])")
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *(ROOT / "deploy").rglob("*.*")]
    written = [page for page in pages if page.is_file() and page.suffix != ".pyc"]
    texts = {page: page.read_text("utf-8") for page in written}
    found = {str(page): match[0] for page, text in texts.items() if (match := bare.search(text))}
    assert found == {}


NO_SETTINGS = (
    *("DECISION_CLIENT", "DECISION_CONSOLE", "DECISION_ID", "DECISION_IMAGE", "DECISION_NAME"),
    *("DECISION_RULES", "DECISION_UNKNOWN", "DECISION_VIEW"),
)
"""Names of commands, compose file, errors and API, and what stands for any name."""


def test_the_pages_name_no_setting_that_there_is_not() -> None:
    """The list of all is the generated sample; what pages and files of operators name is in it."""
    known = {f"DECISION_{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    pages = [
        *(ROOT / "docs").glob("*.md"),
        ROOT / "README.md",
        ROOT / "deploy/decision-service.yaml",
    ]
    for page in pages:
        named = set(re.findall(r"DECISION_[A-Z_]*[A-Z]", page.read_text("utf-8")))
        strange = {one for one in named if one not in known and not one.startswith(NO_SETTINGS)}
        assert strange == set(), page.name


UNIT = Path(__file__).parents[3] / "deploy/systemd/decision-service@.service"

SITE = {
    "DECISION_STORE_URL": "postgresql://x/y",
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}


def values(name: str, instance: int = 1) -> list[str]:
    """What the unit says of a name, for one instance."""
    lines = UNIT.read_text().replace("%i", str(instance)).splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def environ(instance: int) -> dict[str, str]:
    """An instance's settings on a site that sets what it must."""
    return SITE | dict(value.split("=", 1) for value in values("Environment", instance))


def test_two_instances_share_the_port_and_the_vendors_limit() -> None:
    """Each serves HTTP on a port of its own."""
    one, two = (load(environ=environ(instance)) for instance in (1, 2))
    assert one.reuse_port
    assert one.grpc_address == two.grpc_address
    assert split_address(one.http_address)[1] + 1 == split_address(two.http_address)[1]
    assert one.smile_requests_per_second + two.smile_requests_per_second == VENDOR_LIMIT


def test_the_service_has_time_to_drain() -> None:
    """systemd kills it five seconds after the default grace at the earliest."""
    settings = load(environ=environ(1))
    [seconds] = values("TimeoutStopSec")
    assert float(seconds.removesuffix("s")) >= settings.drain_seconds + settings.drain_grace + 5


def test_it_is_always_started_again() -> None:
    """However it ended and however often, since the store may be gone for an hour."""
    assert values("Restart") == ["always"]
    assert values("StartLimitIntervalSec") == ["0"]


def test_what_it_writes_nobody_else_reads() -> None:
    """Files and folder are the service's alone, and it gains no privilege and no other folder."""
    assert (values("UMask"), values("StateDirectoryMode")) == (["0077"], ["0700"])
    assert (values("NoNewPrivileges"), values("ProtectSystem")) == (["yes"], ["strict"])

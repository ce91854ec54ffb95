"""Configuration: environment, then file, then defaults; mistakes are one sentence."""

from pathlib import Path

import pytest

from decision_service.config import ConfigError, Settings, SmileMode, load

KEYS = {
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "k",
    "DECISION_SMILE_API_SECRET": "s",
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


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"DECISION_SMILE_MOD": "sandbox"}, "did you mean DECISION_SMILE_MODE"),
        ({"DECISION_SMILE_MODE": "sandbox"}, "needs DECISION_SMILE_API_KEY"),
        ({"DECISION_GRPC_ADDRESS": "0.0.0.0:50051"}, "not loopback"),
        ({"DECISION_GRPC_ADDRESS": "nonsense"}, "not an address"),
        ({"DECISION_HTTP_ADDRESS": "0.0.0.0:8080"}, "http_address 0.0.0.0:8080 is not loopback"),
        ({**KEYS, **TLS, "DECISION_GRPC_ADDRESS": "[::]:1"}, "callers are not known"),
        ({**KEYS, "DECISION_TLS_CERT_FILE": "c"}, "belong together"),
        ({**KEYS, "DECISION_TLS_CLIENT_CA_FILE": "c"}, "needs tls_cert_file"),
        (TLS, "refuses TLS"),
        ({"DECISION_STORE_URL": "postgresql://x/y"}, "refuses a PostgreSQL store"),
        ({"DECISION_SMILE_BASE_URL": "http://vendor.example/v1"}, "loopback hosts only"),
        ({"DECISION_SMILE_BASE_URL": "https://k:s@vendor.example/v1"}, "must not hold a user name"),
        ({"DECISION_REUSE_PORT": "true"}, "needs a PostgreSQL store"),
        ({"DECISION_SMILE_REQUESTS_PER_SECOND": "21"}, "DECISION_SMILE_REQUESTS_PER_SECOND"),
        ({"DECISION_HTTP_PROXIES": "10.0.0.1, proxy"}, "http_proxies: proxy is neither"),
        ({"DECISION_LEASE": "0s"}, "DECISION_LEASE"),
        ({"DECISION_DRAIN_GRACE": "soon"}, "250ms, 5s"),
        ({"DECISION_SMILE_API_SECRET_FILE": "/nowhere/secret"}, "cannot be read"),
    ],
)
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
    assert "canary" not in repr(load(environ=environ | store | {"DECISION_SMILE_API_KEY": "k"}))
    with pytest.raises(ConfigError) as error:
        load(environ=environ | {"DECISION_DRAIN_GRACE": "-1"})
    assert "canary" not in str(error.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """`…_FILE` names a file whose content, without its line end, is the secret."""
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    settings = load(environ={"DECISION_SMILE_API_SECRET_FILE": str(file)})
    assert settings.smile_api_secret.get_secret_value() == "s3cret"


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


def test_blocked_factors_are_a_list_of_names() -> None:
    """Names are separated by commas; blanks around them do not count."""
    environ = {"DECISION_BLOCKED_FACTORS": "identity.age_years, inputs.gender ,"}
    assert load(environ=environ).blocked == {"identity.age_years", "inputs.gender"}


@pytest.mark.parametrize("name", ["DECISION_RETENTION", "DECISION_DECISION_RETENTION"])
@pytest.mark.parametrize(("value", "months"), [("13", 13), ("25 months", 25), ("1 month", 1)])
def test_retention_is_in_months(name: str, value: str, months: int) -> None:
    """A number of months, with the word or without, under the name with or without the prefix."""
    assert load(environ={name: value}).decision_retention == months


@pytest.mark.parametrize("value", ["0", "25 days", "-1", "two months", ""])
def test_a_retention_that_is_none_is_refused(value: str) -> None:
    """Nothing but whole months from one on."""
    with pytest.raises(ConfigError, match="DECISION_RETENTION"):
        load(environ={"DECISION_RETENTION": value})


def test_what_a_revocation_erases_is_named() -> None:
    """`erase_snapshot` by default, `erase_decisions`, and nothing else."""
    assert load(environ={}).on_revoke == "erase_snapshot"
    assert load(environ={"DECISION_ON_REVOKE": "erase_decisions"}).on_revoke == "erase_decisions"
    with pytest.raises(ConfigError, match="ON_REVOKE"):
        load(environ={"DECISION_ON_REVOKE": "nothing"})


def test_retention_in_a_file(tmp_path: Path) -> None:
    """The same name in the YAML file."""
    file = tmp_path / "c.yaml"
    file.write_text("decision_retention: 30 months\n")
    assert load(file, {}).decision_retention == 30

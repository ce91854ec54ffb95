"""Certificate files that cannot be used: which one, by the setting that names it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from decision_service.server.transport.tls import Certificates, CertificatesRefused
from tests.e2e.team import Office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An authority for all tests here."""
    return Office(tmp_path_factory.mktemp("office"))


def copies(office: Office, folder: Path) -> dict[str, Path]:
    """The good files by their settings, for a test to spoil one."""
    named = {"CERT_FILE": office.cert, "KEY_FILE": office.key, "CLIENT_CA_FILE": office.authority}
    files = {name: folder / path.name for name, path in named.items()}
    for name, path in named.items():
        files[name].write_bytes(path.read_bytes())
    return files


@pytest.mark.parametrize("setting", ["CERT_FILE", "KEY_FILE", "CLIENT_CA_FILE"])
@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff\x00", None])
def test_the_file_that_is_wrong_is_named(
    office: Office, tmp_path: Path, setting: str, content: bytes | None
) -> None:
    """An empty file, text, bytes or no file: one sentence with the setting and the path."""
    files = copies(office, tmp_path)
    files[setting].unlink()
    if content is not None:
        files[setting].write_bytes(content)
    with pytest.raises(CertificatesRefused) as refused:
        Certificates(*files.values())
    assert str(refused.value).startswith(f"DECISION_TLS_{setting} ({files[setting]})")
    assert "\n" not in str(refused.value)


def test_a_key_of_another_certificate_names_both(office: Office, tmp_path: Path) -> None:
    """Each file is good, and they do not belong together."""
    files = copies(office, tmp_path)
    other = trustme.CA().issue_cert("127.0.0.1")
    files["KEY_FILE"].write_bytes(other.private_key_pem.bytes())
    with pytest.raises(CertificatesRefused, match=r"_KEY_FILE.*_CERT_FILE"):
        Certificates(*files.values())


def test_a_chain_expires_with_its_first_certificate(tmp_path: Path) -> None:
    """The earliest end of all certificates in the file counts."""
    late, soon = (datetime(year, 1, 2, tzinfo=UTC) for year in (2050, 2041))
    office = Office(tmp_path)
    office.renew("127.0.0.1", not_after=late)
    further = trustme.CA().issue_cert("other", not_after=soon)
    with office.cert.open("ab") as file:
        file.write(further.cert_chain_pems[0].bytes())
    assert Certificates(office.cert, office.key).expires == soon

"""An OpenID Connect issuer on loopback: discovery, its keys, and tokens of whomever a test asks."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import encode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from decision_service.runtime.tasks import listen, serving


def client_certificate(
    ca: trustme.CA, common_names: Sequence[str] = (), sans: Sequence[x509.GeneralName] = ()
) -> tuple[bytes, bytes]:
    """Certificate and key in PEM, signed by an authority; without `sans` it has no extension."""
    signer = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.load_pem_x509_certificate(ca.cert_pem.bytes()).subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
    )
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signed = builder.sign(signer, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM), private


DISCOVERY = "/.well-known/openid-configuration"


class _Registry(JWSRegistry):
    """Signs by every algorithm, and warns of none."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class Issuer:
    """Serves while `serving` is open; `url` is its name, `asked` the paths that were fetched.

    `answers` are what it says at a path instead, such as an error.
    """

    audience = "credit-console"

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.asked: list[str] = []
        self.answers: dict[str, Response] = {}
        self._listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/realms/lender"
        self.keys: dict[str, Key] = {}
        self.rotate()

    def at(self, seconds: int) -> int:
        """The time in so many seconds, as claims have it."""
        return int(self.now().timestamp()) + seconds

    def rotate(self) -> None:
        """Sign with new keys from now on, and publish these alone."""
        options: Any = {"use": "sig"}
        rsa = RSAKey.generate_key(2048, options, auto_kid=True)
        ec = ECKey.generate_key("P-256", options, auto_kid=True)
        okp = OKPKey.generate_key("Ed25519", options, auto_kid=True)
        self.keys = {"RS256": rsa, "RS512": rsa, "ES256": ec, "EdDSA": okp, "Ed25519": okp}

    def token(
        self,
        subject: str,
        alg: str = "ES256",
        key: Key | None = None,
        *,
        typ: str = "",
        **claims: object,
    ) -> str:
        """An ID token, good for five minutes; a claim that is None is left out.

        It says that it is signed by the issuer's key where another `key` signs it without a `kid`.
        `typ` is the type in its header.
        """
        said = self._claims(subject) | claims
        said = {name: value for name, value in said.items() if value is not None}
        own = self.keys[alg]
        header = {"alg": alg, "kid": (key and key.kid) or own.kid}
        if typ:
            header["typ"] = typ
        return encode(header, said, key or own, registry=_Registry())

    def forged(
        self, subject: str, alg: str, secret: bytes = b"", payload: bytes | None = None
    ) -> str:
        """A token put together by hand, without a signature or with one by HMAC."""
        header = {"alg": alg, "kid": self.keys["RS256"].kid}
        said = payload or json.dumps(self._claims(subject)).encode()
        signed = b".".join(map(_base64, (json.dumps(header).encode(), said)))
        signature = hmac.digest(secret, signed, hashlib.sha256) if secret else b""
        return b".".join((signed, _base64(signature))).decode()

    def _claims(self, subject: str) -> dict[str, Any]:
        times = {"iat": self.at(0), "exp": self.at(300)}
        return {"iss": self.url, "aud": self.audience, "sub": subject, **times}

    @property
    def line(self) -> str:
        """Its line of a callers file."""
        return f'issuer: {{url: "{self.url}", audience: {self.audience}}}\n'

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Issuer]:
        """Serve discovery and the keys."""
        path = "/realms/lender"
        routes = [Route(path + DISCOVERY, self._discovery), Route(path + "/keys", self._keys)]
        async with serving(Starlette(routes=routes), self._listener):
            yield self

    def _said(self, request: Request, content: Any) -> Response:
        name = request.url.path.removeprefix("/realms/lender")
        self.asked.append(name)
        return self.answers.get(name) or JSONResponse(content)

    async def _discovery(self, request: Request) -> Response:
        return self._said(request, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, request: Request) -> Response:
        published = {key.kid: key for key in self.keys.values()}.values()
        return self._said(request, KeySet([*published]).as_dict())


LOGOUT = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
"""What a logout token claims besides issuer, audience and subject."""


def _base64(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


BAD: dict[str, Callable[[Issuer, str], str]] = {
    "another issuer": lambda i, sub: i.token(sub, iss=f"{i.url}/"),
    "another audience": lambda i, sub: i.token(sub, aud=f"{i.audience}-2"),
    "no audience": lambda i, sub: i.token(sub, aud=None),
    "ended": lambda i, sub: i.token(sub, exp=i.at(-60)),
    "without an end": lambda i, sub: i.token(sub, exp=None),
    "an end that is no number": lambda i, sub: i.token(sub, exp=float("nan")),
    "not yet good": lambda i, sub: i.token(sub, nbf=i.at(61)),
    "for another client": lambda i, sub: i.token(sub, azp=f"{i.audience}-2"),
    "for another client of several": lambda i, sub: i.token(sub, aud=["x", i.audience], azp="x"),
    "for one of several, unsaid which": lambda i, sub: i.token(sub, aud=["x", i.audience]),
    "a logout token": lambda i, sub: i.token(sub, typ="logout+jwt", **LOGOUT),
    "a logout token without its type": lambda i, sub: i.token(sub, **LOGOUT),
    "a logout token of the type alone": lambda i, sub: i.token(sub, typ="logout+jwt"),
    "an access token": lambda i, sub: i.token(sub, typ="at+jwt"),
    "an access token, typed in full": lambda i, sub: i.token(sub, typ="Application/AT+JWT"),
    "unsigned": lambda i, sub: i.forged(sub, "none"),
    "without a signature": lambda i, sub: i.forged(sub, "RS256"),
    "signed by HMAC with the public key": lambda i, sub: i.forged(
        sub, "HS256", i.keys["RS256"].as_pem(private=False)
    ),
    "an algorithm that is not allowed": lambda i, sub: i.token(sub, "RS512"),
    "signed by another key in the name of the issuer's": lambda i, sub: i.token(
        sub, key=ECKey.generate_key("P-256")
    ),
    "signed by an unknown key": lambda i, sub: i.token(
        sub, key=ECKey.generate_key("P-256", auto_kid=True)
    ),
    "an unknown subject": lambda i, sub: i.token(f"{sub}1"),
    "a subject that is no text": lambda i, sub: i.token(sub, sub=[sub]),
    "claims that are no map": lambda i, sub: i.forged(sub, "RS256", payload=b"[]"),
    "claims too deep to read": lambda i, sub: i.forged(sub, "RS256", payload=b'{"a":' * 1_500),
    "no base64": lambda _, __: "a.b.c",
    "a service's token": lambda i, sub: "dst_" + i.token(sub),
}
"""Tokens in the name of a subject that nobody may take."""

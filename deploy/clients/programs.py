"""The programs of docs/callers.md, each made in a folder of its own as the page says."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from deploy.clients.program import Program
from tests.e2e.page import CALLERS
from tests.e2e.service import ROOT

BUILT = ROOT / "dist" / "clients"
SECURE = "Tokens and TLS"
JAVA_LIBRARIES = (
    "grpc-*",
    "proto*",
    "gson",
    "guava",
    "failureaccess",
    "netty-*",
    "perfmark-api",
    "geronimo-annotation-*",
)
GO_LIBRARIES = "/usr/share/gocode"


def python(folder: Path) -> Program:
    """The Python program, with the wheel in an environment of its own."""
    given = "ca, token = open(sys.argv[3], 'rb').read(), sys.argv[4]\nwith "
    made = Program(
        folder,
        "decide.py",
        CALLERS.program("Python", "python"),
        f"{folder}/.venv/bin/{CALLERS.commands('Python', 'decide.py')}",
        {"with Client(address, plaintext=True)": given + CALLERS.program(SECURE, "python").strip()},
        {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": "",
        },
    )
    _copy(folder, "*.whl")
    install = CALLERS.commands("Python", "pip install").replace("\npip", "\npip -q")
    made.prepare(install.replace("python3", sys.executable))
    return made


def node(folder: Path) -> Program:
    """The Node program, with the npm package."""
    given = "const [ca, token] = [readFileSync(process.argv[4]), process.argv[5]];\nconst client = "
    made = Program(
        folder,
        "decide.mjs",
        'import { readFileSync } from "node:fs";\n' + CALLERS.program("Node", "js"),
        CALLERS.commands("Node", "decide.mjs"),
        {
            "const client = new Client(address, { plaintext: true });": given
            + CALLERS.program(SECURE, "js").strip()
        },
    )
    _copy(folder, "*.tgz")
    made.prepare(CALLERS.commands("Node", "npm install") + " --silent --no-audit --no-fund")
    return made


def java(folder: Path) -> Program:
    """The Java program, with Debian's libraries and, since they lack these, Google's messages."""
    jars = [f"/usr/share/java/{name}.jar" for name in JAVA_LIBRARIES]
    classpath = ":".join(str(path) for one in jars for path in sorted(Path("/").glob(one[1:])))
    made = Program(
        folder,
        "src/main/java/Decide.java",
        CALLERS.program("Java", "java"),
        f"java -cp classes:{classpath} Decide tenantId-c19528015ed76d7b5bce6af654d15354",
        environ={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
    )
    shutil.copytree(ROOT / "protos", folder / "protos")
    plugin = shutil.which("grpc_java_plugin")
    assert plugin
    (folder / "protoc-gen-grpc-java").symlink_to(plugin)
    made.write()
    made.prepare(
        CALLERS.commands("Java", "protoc -I"),
        "protoc -I protos --java_out=src/main/java protos/google/*/*.proto",
        f"javac -nowarn -proc:none -d classes -cp {classpath} $(find src -name '*.java')",
    )
    return made


def go(folder: Path) -> Program:
    """The Go program, with Debian's libraries, which lie in a GOPATH."""
    package = folder / "src" / "example.com" / "loans"
    shutil.copytree(ROOT / "protos", package / "protos")
    made = Program(
        package,
        "main.go",
        CALLERS.program("Go", "go"),
        "./decide tenantId-c19528015ed76d7b5bce6af654d15354",
        environ={"GO111MODULE": "off", "GOPATH": f"{folder}:{GO_LIBRARIES}", "GOFLAGS": ""},
    )
    made.write()
    made.prepare(CALLERS.commands("Go", "protoc -I"), "go build -o decide .")
    return made


def _copy(folder: Path, pattern: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    [package] = BUILT.glob(pattern)
    shutil.copy(package, folder)

"""The programs of the page and their packages, made once for all checks."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from deploy.clients.program import Program
from deploy.clients.programs import go, java, node, python

MAKERS = {"python": python, "node": node, "java": java, "go": go}
NEEDED = {
    "python": "python3",
    "node": "npm",
    "java": "grpc_java_plugin",
    "go": "protoc-gen-go-grpc",
}
Made = Callable[[str], Program]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The program of a language, made by the page's own commands when it is first asked for."""
    programs: dict[str, Program] = {}

    def make(language: str) -> Program:
        if shutil.which(NEEDED[language]) is None:
            pytest.skip(f"there is no {NEEDED[language]}: `make clients` installs it")
        if language not in programs:
            programs[language] = MAKERS[language](tmp_path_factory.mktemp(language))
            programs[language].write()
        return programs[language]

    return make

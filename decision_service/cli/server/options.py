"""The options that the commands of whoever runs the service share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; the environment wins")
]
InitOption = Annotated[
    bool, typer.Option("--init", help="begin a new store where the SQLite file is missing")
]

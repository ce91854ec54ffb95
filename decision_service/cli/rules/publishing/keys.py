"""`rules keys`: the keys by which callers sign publications."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.display.new_file import new_file
from decision_service.cli.errors import CommandError, Exit
from decision_service.pipeline.rules.publishing.approval import Signing
from decision_service.pipeline.rules.publishing.manifest import Approval, Publication
from decision_service.pipeline.rules.publishing.signing import new_key, public_line, signed
from decision_service.small_file import read_small

commands = typer.Typer(help="Make the keys by which rules are signed.", no_args_is_help=True)
KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="file of the private key that signs")
]
NameOption = Annotated[str, typer.Option("--by", help="the caller whose key signs")]


@commands.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="where the private key is written")],
) -> None:
    """Write a private key and print its line.

    The file is readable by its owner alone. The line belongs below the caller in the callers file.
    """
    pem = new_key()
    with new_file(file) as stream:
        stream.write(pem)
    sys.stderr.write(f"The private key is in {file}: whoever reads it can sign. Of the caller:\n")
    sys.stdout.write(f'signing_keys: ["{public_line(pem)}"]\n')


@commands.command()
def line(file: Annotated[Path, typer.Argument(metavar="FILE", help="a private key")]) -> None:
    """Print the callers-file line of a private key."""
    try:
        sys.stdout.write(f'signing_keys: ["{public_line(read_key(file))}"]\n')
    except ValueError as error:
        raise _unfit(file, error) from None


def read_key(file: Path) -> bytes:
    """A key file's content; raises CommandError."""
    try:
        return read_small(file)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be read ({error.strerror}): name the file of your private key",
            Exit.USAGE,
        ) from None


def sign(published: Publication, signing: Signing, name: str, file: Path) -> Approval:
    """A signature by the key of a file; raises CommandError."""
    try:
        return signed(published, signing, name, read_key(file))
    except ValueError as error:
        raise _unfit(file, error) from None


def _unfit(file: Path, error: ValueError) -> CommandError:
    del error  # it may quote the file
    return CommandError(
        f"{file} holds no private Ed25519 key in PEM: make one with `decision-service rules keys "
        "new FILE`",
        Exit.USAGE,
    )

"""The lender's logo: a PNG, JPEG or WebP picture, or an SVG without scripts."""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

import msgspec

from decision_service.edge.http.connect.refused import PageRefused, read_bounded

LARGEST = 200_000
"""Bytes of a logo, which every applicant's phone loads."""

_PICTURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)
_SVG = "http://www.w3.org/2000/svg"
_ACTIVE = frozenset(
    {"script", "foreignobject", "iframe", "object", "embed", "handler", "listener", "set"}
)
_INSIDE = re.compile(r"#|data:image/(png|jpeg|webp);")


class Logo(msgspec.Struct, frozen=True):
    """A picture and its media type."""

    content: bytes
    media_type: str


def read_logo(path: Path) -> Logo:
    """The logo of a file of at most LARGEST bytes; raises PageRefused."""
    content = read_bounded(path, LARGEST)
    for start, media_type in _PICTURES:
        if start.match(content):
            return Logo(content, media_type)
    if b"<svg" not in content:
        raise PageRefused(f"{path} is no picture that browsers show: give a PNG, JPEG, WebP or SVG")
    try:
        _check_svg(content)
    except (PageRefused, expat.ExpatError) as error:
        raise PageRefused(f"{path}: {error}") from None
    return Logo(content, "image/svg+xml")


def _check_svg(content: bytes) -> None:
    """Raise PageRefused where an SVG could run a script or load something; ExpatError elsewhere."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(what: str) -> None:
        line = parser.CurrentLineNumber
        raise PageRefused(f"line {line} of the SVG has {what}: take it out, or give a PNG")

    def element(name: str, attributes: dict[str, str]) -> None:
        space, _, tag = name.rpartition(" ")
        if depth[0] == 0 and (space, tag) != (_SVG, "svg"):
            refuse(f"<{tag}> as its root")
        depth[0] += 1
        if tag.lower() in _ACTIVE or tag.lower().startswith("animate"):
            refuse(f"an active part, <{tag}>")
        for attribute, value in attributes.items():
            own = attribute.rpartition(" ")[2].lower()
            if own.startswith("on"):
                refuse(f"a script, {own}=")
            if own in {"href", "src"} and not _INSIDE.match(value.strip()):
                refuse(f"a reference to something outside of it, {own}=")

    depth = [0]
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = lambda *_: refuse("a DOCTYPE")
    parser.ProcessingInstructionHandler = lambda *_: refuse("a processing instruction")
    parser.Parse(content, True)  # noqa: FBT003 - the library takes it by place

"""What a browser sends: the fields of a form, or a file, bounded and kept in memory alone."""

from __future__ import annotations

from math import inf
from urllib.parse import unquote_plus

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

FORM_BYTES = 64 * 1024
# A release may have many loosenings to tick.
PARTS = 400
FILE_BYTES = 5 * 1024 * 1024
"""Of a report or of proofs that a person shows; nothing of it is stored."""

_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_TOO_MUCH = f"A form has at most {PARTS} fields and {FORM_BYTES // 1024} KiB: send less."
_TOO_LARGE = f"A file has at most {FILE_BYTES // 1024**2} MB: choose a smaller one."
_NO_FORM = "What was sent is no form: send it from its page."


class _Parts:
    """Collects the parts of one form, at most PARTS; `add` and `keep` raise HTTPException."""

    def __init__(self, *, encoded: bool) -> None:
        self.found: list[tuple[str, str | UploadFile]] = []
        self._encoded = encoded

    def add(self, field: Field) -> None:
        self._put(self._text(field.field_name), self._text(field.value))

    def keep(self, file: File) -> None:
        self._put(self._text(file.field_name), UploadFile(file.file_object))

    def _put(self, name: str, value: str | UploadFile) -> None:
        if len(self.found) == PARTS:
            raise HTTPException(413, _TOO_MUCH)
        self.found.append((name, value))

    def _text(self, sent: bytes | None) -> str:
        if self._encoded:
            # No byte is lost by it, and what is escaped is read as UTF-8.
            return unquote_plus((sent or b"").decode("latin-1"))
        return (sent or b"").decode(errors="replace")


async def read_form(request: Request, *, has_file: bool = False) -> FormData:
    """The parts of a form, of at most 64 KiB, or 5 MB where its page asks for a file.

    Raises HTTPException 413 where it is larger or has too many parts, 400 where it is no form.
    Callers look first for who sends it: whoever has no session makes nothing work.
    """
    most = FORM_BYTES
    words = _TOO_MUCH
    if has_file:
        most = FILE_BYTES + FORM_BYTES
        words = _TOO_LARGE
    length = request.headers.get("content-length", "0")
    # By its head, before anything of it is read.
    if not length.isdecimal() or int(length) > most:
        raise HTTPException(413, words)
    kind = request.headers.get("content-type", _URLENCODED)
    name = kind.partition(";")[0].strip().lower()
    if name not in {_URLENCODED, _MULTIPART}:
        raise HTTPException(400, _NO_FORM)
    parts = _Parts(encoded=name == _URLENCODED)
    taken = 0
    try:
        # The parser would write a large file to the disk, and nothing is kept (0193).
        in_memory = {"MAX_MEMORY_FILE_SIZE": inf}
        header = {"Content-Type": kind.encode("latin-1")}
        parser = create_form_parser(header, parts.add, parts.keep, in_memory)
        # As it comes, so that other pages are served between two pieces of it.
        async for piece in request.stream():
            taken += len(piece)
            # A body that comes in chunks names no length.
            if taken > most:
                raise HTTPException(413, words)
            parser.write(piece)
        parser.finalize()
    # Half a form is none: no step is taken by it.
    except (ClientDisconnect, FormParserError):
        raise HTTPException(400, _NO_FORM) from None
    return FormData(parts.found)

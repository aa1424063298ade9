"""Reading a document as it lies there, and finding the tasks that it names."""

from __future__ import annotations

from typing import NamedTuple

from claude_task_client.errors import NothingToDo
from claude_task_client.sources import documents, records, storing
from claude_task_client.sources.desk import Desk
from claude_task_client.sources.documents import Document, DocumentError
from claude_task_client.sources.scanning import Signature


class Content(NamedTuple):
    """A document's text as it was read."""

    text: str
    digest: str
    file: Signature


class Missing(Exception):
    """The document waits for one that is not there (yet)."""


async def read(desk: Desk, name: str) -> Content:
    """Raises: DocumentError, where it is nothing that can be read as a text; OSError."""
    try:
        content, status = await desk.disk(
            storing.read, desk.layout.pending / name, bytes_max=documents.DOCUMENT_BYTES_MAX
        )
    except storing.NotAFile:
        raise DocumentError("this is a link, a directory or a device, no plain file") from None
    except storing.TooLarge:
        kib = documents.DOCUMENT_BYTES_MAX // 1024
        raise DocumentError(f"the file is larger than {kib} KiB") from None
    text = documents.decode(content)
    file = (status.st_ino, status.st_size, status.st_mtime_ns)
    return Content(text, records.digest_of(text), file)


async def tasks_before(desk: Desk, document: Document, stem: str) -> list[int]:
    """The tasks that the document is to wait for. Raises: DocumentError, Missing."""
    return [await _task_before(desk, each, stem) for each in document.after]


async def _task_before(desk: Desk, after: str | int, stem: str) -> int:
    if isinstance(after, int):
        return after
    if records.is_called(after, stem):
        raise DocumentError("after: the document names itself")
    for source in desk.sources:
        try:
            record = await desk.disk(records.look_up, source, after)
        except NothingToDo as error:
            raise DocumentError(f"after: {error}") from error
        except OSError:
            continue  # that source is away
        if record is not None and record.task_id is not None:
            return record.task_id
    raise Missing(after)

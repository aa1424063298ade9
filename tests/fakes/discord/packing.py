"""The compression of the gateway's frames, as clients ask for it: one stream a connection."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

_ZSTD_MAGIC: Final = bytes.fromhex("28b52ffd")
# No checksum, no dictionary, size unknown; a window of 128 KiB, which is also a block's most.
_ZSTD_HEADER: Final = _ZSTD_MAGIC + bytes([0, 7 << 3])
_ZSTD_BLOCK_MAX: Final = 1 << 17


class Packer(Protocol):
    def pack(self, text: str) -> bytes: ...


class ZlibStream:
    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def pack(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """One endless Zstandard frame of stored blocks: correct, and in need of no library.

    discord.py asks for it wherever it finds a decoder, as on Python 3.14. Source: RFC 8878, 3.1.1.
    """

    def __init__(self) -> None:
        self._header = _ZSTD_HEADER

    def pack(self, text: str) -> bytes:
        packed, self._header = self._header, b""
        data = text.encode()
        for start in range(0, len(data), _ZSTD_BLOCK_MAX):
            block = data[start : start + _ZSTD_BLOCK_MAX]
            packed += (len(block) << 3).to_bytes(3, "little") + block
        return packed


PACKERS: Final[dict[str, type[ZlibStream | ZstdStream]]] = {
    "zlib-stream": ZlibStream,
    "zstd-stream": ZstdStream,
}

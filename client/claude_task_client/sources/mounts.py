"""Which folders lie on a mount whose server tells nobody of the changes that others make."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/self/mountinfo")
TABLE_BYTES_MAX: Final = 4 * 1024 * 1024
# Of those by name; what comes through FUSE may be anything, and is mostly of the network.
NETWORK: Final = frozenset(
    "9p afs beegfs ceph cifs glusterfs lustre nfs nfs4 prl_fs smb3 smbfs vboxsf virtiofs".split()
)
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def needs_polling(path: Path, *, table: Path = TABLE) -> bool:
    """Whether the system's events say too little of this folder; where that is not known: no."""
    kind = _kind_of(path, table)
    return kind in NETWORK or kind.startswith("fuse.") or kind == "fuse"


def _kind_of(path: Path, table: Path) -> str:
    try:
        with table.open("rb") as file:
            text = file.read(TABLE_BYTES_MAX).decode("utf-8", "surrogateescape")
        place = path.resolve()
    except (OSError, RuntimeError):
        return ""
    found, depth = "", -1
    for line in text.splitlines():
        mount, _, rest = line.partition(" - ")
        fields, kinds = mount.split(" "), rest.split(" ")
        if len(fields) < 5:
            continue
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        # Of two mounted at one place, the later one lies above.
        if len(point.parts) >= depth and (point == place or point in place.parents):
            found, depth = kinds[0], len(point.parts)
    return found

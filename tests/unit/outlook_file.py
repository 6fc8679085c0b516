"""A writer of the smallest compound file (MS-CFB) that holds an Outlook message (MS-OXMSG)."""

from __future__ import annotations

import struct

FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STRING, BINARY = 0x001F, 0x0102


def outlook(texts: dict[int, str], attached: tuple[str, bytes] | None = None) -> bytes:
    """A .msg with string properties by their number and, if wanted, one attached file."""
    names = list(_streams({pid: (STRING, text.encode("utf-16-le")) for pid, text in texts.items()}, 32))
    entries = [("Root Entry", 5, b""), *[(n, 2, d) for n, d in names]]
    inner = []
    if attached:
        fields = {0x3707: (STRING, attached[0].encode("utf-16-le")), 0x3701: (BINARY, attached[1])}
        inner = [(n, 2, d) for n, d in _streams(fields, 8)]
        entries.append(("__attach_version1.0_#00000000", 1, b""))
    return _file([*entries, *inner], first_inner=len(entries) if inner else None)


def _streams(fields: dict[int, tuple[int, bytes]], header: int) -> list[tuple[str, bytes]]:
    listed = b"".join(struct.pack("<HHIII", kind, pid, 6, len(data), 0) for pid, (kind, data) in fields.items())
    streams = [(f"__substg1.0_{pid:04X}{kind:04X}", data) for pid, (kind, data) in fields.items()]
    return [("__properties_version1.0", bytes(header) + listed), *streams]


def _file(entries: list[tuple[str, int, bytes]], first_inner: int | None) -> bytes:
    mini, chain, starts = b"", [], []
    for _, _, data in entries:
        blocks = -(-len(data) // 64)
        starts.append(len(chain) if blocks else END)
        chain += [*range(len(chain) + 1, len(chain) + blocks), END] if blocks else []
        mini += data.ljust(64 * blocks, b"\0")
    last = (first_inner or len(entries)) - 1
    tree = b""
    for at, (name, kind, data) in enumerate(entries):
        nxt = at + 1 if 0 < at < last or last < at < len(entries) - 1 else FREE
        child = 1 if at == 0 else first_inner if kind == 1 and first_inner else FREE
        size, start = (len(mini), 1 + _sectors(len(entries) * 128)) if at == 0 else (len(data), starts[at])
        text = (name + "\0").encode("utf-16-le")
        tree += struct.pack(
            "<64sHBBIII16sI16sIQ", text, len(text), kind, 1, FREE, nxt, child, b"", 0, b"", start, size
        )
    parts = [tree, mini, struct.pack(f"<{len(chain)}I", *chain)]
    pads = [b"\0", b"\0", b"\xff"]
    table, body, begins = [FAT], b"", []
    for part, pad in zip(parts, pads, strict=True):
        count = _sectors(len(part))
        begins.append(len(table))
        table += [*range(len(table) + 1, len(table) + count), END]
        body += part.ljust(512 * count, pad)
    assert len(table) <= 128, "one FAT sector is enough for a test"
    fat = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    head = struct.pack("<8s16sHHHHH6sIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), b"", 0x3E, 3, 0xFFFE, 9, 6, b"",
                       0, 1, begins[0], 0, 4096, begins[2], _sectors(4 * len(chain)), END, 0)  # fmt: skip
    return head + struct.pack("<I", 0) + b"\xff" * (108 * 4) + fat + body


def _sectors(size: int) -> int:
    return -(-size // 512)

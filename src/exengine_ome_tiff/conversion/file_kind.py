"""What a file is that cannot be converted, in words."""

from pathlib import Path

_HEADS = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"%PDF", "a PDF document"),
    (b"II*\0", "an ordinary TIFF file"),
    (b"MM\0*", "an ordinary TIFF file"),
    (b"MM\0+", "an ordinary BigTIFF file"),
)


def file_kind(path: Path) -> str | None:
    """Name what a file is by its first bytes; None where they do not tell."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(512)
    for start, kind in _HEADS:
        if head.startswith(start):
            return kind
    if not head:
        return "an empty file"
    return "text" if head.isascii() and b"\0" not in head else None

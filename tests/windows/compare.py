"""Write the same datasets on any system and compare what two systems wrote.

``compare.py write FOLDER`` writes; ``compare.py compare FOLDER OTHER`` demands that files are equal,
byte for byte but for UUIDs, and that Bio-Formats opens those of OTHER without a warning.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.writing import flusher, recorder

recorder.SLOW_S = flusher.IDLE_S = 3600.0  # the layout of blocks depends on the pace of frames
DATASETS = {
    "file.ome.tiff": {},
    "folder": {},
    "packed.ome.tiff": {"compression": "zlib", "tile": (32, 32), "checksums": "crc32"},
    "unfinished.ome.tiff": {},
}
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def write(folder: Path) -> None:
    """Write datasets without clocks or chance, but for the UUIDs."""
    for name, options in DATASETS.items():
        with TiffStorage(
            folder / name, {"sample": "Größe µ", "line ends": "a\nb\r\nc"}, **options
        ) as storage:
            for number in range(24):
                place = {"time": number // 8, "position": f"Pos{number // 4 % 2}", "z": number % 4}
                pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) + number
                storage.put(place, pixels, {"Exposure-ms": 10, "number": number, "name": "細胞"})
            if name.startswith("unfinished"):
                storage.suspend()


def _plain(path: Path) -> bytes:
    """Return the bytes of a file with all its UUIDs replaced."""
    return _UUID.sub(b"00000000-0000-0000-0000-000000000000", path.read_bytes())


def compare(folder: Path, other: Path) -> None:
    """Demand that both have the same files; open those of the other one with Bio-Formats."""
    from readers.bioformats import BioFormats

    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    assert names
    for name in names:
        assert _plain(folder / name) == _plain(other / name), f"{name} differs"
        if not name.name.startswith("unfinished"):
            with BioFormats(other / name) as reader:
                assert reader.series
                assert reader.warnings == [], f"{name}: {reader.warnings}"
    print(f"{len(names)} files are equal; Bio-Formats opens those of {other} without a warning")  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        compare(Path(sys.argv[2]), Path(sys.argv[3]))

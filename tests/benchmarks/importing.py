"""What importing this package adds to what it builds on."""

from __future__ import annotations

import statistics
from pathlib import Path

from table import Table, in_process

SCRIPT = """
import time
import exengine.kernel.data_storage_base, numpy, ome_types, tifffile
start_s = time.perf_counter()
from exengine_ome_tiff import TiffStorage
print((time.perf_counter() - start_s) * 1e3)
"""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    del folder, quick
    (added,) = map(
        statistics.median, zip(*[in_process(SCRIPT) for _ in range(max(5, rounds) + 1)][1:], strict=True)
    )
    columns = ["import", "ms in addition to exengine, tifffile and ome-types"]
    return [Table("import", columns, [["TiffStorage", f"{added:.0f}"]])]

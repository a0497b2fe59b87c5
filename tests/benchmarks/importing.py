"""What importing this package adds to what it builds on."""

from __future__ import annotations

import statistics
from pathlib import Path

from table import Table, in_process

SCRIPT = """
import sys, time
import exengine.kernel.data_storage_base, tifffile, numpy
if sys.argv[1] == "True":
    import ome_types
start_s = time.perf_counter()
import exengine_ome_tiff
print((time.perf_counter() - start_s) * 1e3, "ome_types" in sys.modules)
"""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    del folder, quick
    script = SCRIPT.replace('"ome_types" in sys.modules', 'int("ome_types" in sys.modules)')
    runs = [in_process(script, False) for _ in range(max(5, rounds) + 1)][1:]
    added, has_ome_types = (statistics.median(column) for column in zip(*runs, strict=True))
    rows = [["exengine_ome_tiff", f"{added:.0f}", "yes" if has_ome_types else "no"]]
    columns = ["import", "ms beside exengine and tifffile", "imports ome-types"]
    return [Table("import", columns, rows)]

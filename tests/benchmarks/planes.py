"""One large tiled plane with smaller copies: time and memory of a region, of `preview` and of `validate`."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from table import Table, in_process

WRITE = """
import sys
import numpy as np
from writers import ours
from pathlib import Path

height, width = int(sys.argv[2]), int(sys.argv[3])
pixels = np.random.default_rng(0).poisson(100, (512, width)).astype(np.uint16)
with ours(Path(sys.argv[1]), tile=(512, 512), compression="zstd", pyramid_levels=4) as storage:
    storage.put({"time": 0}, np.resize(pixels, (height, width)), {})
print(0)
"""
READ = """
import sys, time
from pathlib import Path
from memory import memory_bytes
from exengine_ome_tiff import TiffStorage, preview, validate

def region(path, start):
    with TiffStorage.open(path) as reader:
        return reader.as_array(time=0)[start:start + 512, start:start + 512].compute()

def level(path):
    with TiffStorage.open(path) as reader:
        return reader.as_array(level=3).compute()

path, warm = (Path(folder) / "run.ome.tiff" for folder in sys.argv[1:3])
work = {
    "region": lambda path: region(path, 300),
    "level": level,
    "preview": preview,
    "validate": validate,
}[sys.argv[3]]
work(warm)
Path("/proc/self/clear_refs").write_text("5")
before = memory_bytes("VmRSS")
start_s, start_cpu_s = time.perf_counter(), time.process_time()
work(path)
print(time.perf_counter() - start_s, time.process_time() - start_cpu_s, memory_bytes("VmHWM") - before)
"""
NAMES = {
    "region": "as_array, a region of 512 x 512",
    "level": "as_array(level=3)",
    "preview": "preview",
    "validate": "validate",
}


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    if not Path("/proc/self/clear_refs").exists():
        return []
    shape = (4096, 3000) if quick else (16384, 12000)
    rows = []
    with tempfile.TemporaryDirectory(dir=folder) as large, tempfile.TemporaryDirectory(dir=folder) as warm:
        in_process(WRITE, large, *shape)
        in_process(WRITE, warm, 1024, 1024)
        for what, name in NAMES.items():
            measured = [in_process(READ, large, warm, what) for _ in range(rounds)]
            wall_s, cpu_s, nbytes = map(statistics.median, zip(*measured, strict=True))
            rows.append([name, f"{wall_s:.2f}", f"{cpu_s:.2f}", f"{nbytes / 1e6:.0f}"])
    size = f"{shape[0]} x {shape[1]} ({shape[0] * shape[1] * 2e-6:.0f} MB)"
    title = "one large uint16 plane, zstd, tiles of 512 x 512, four smaller copies"
    return [Table(title, [size, "s", "CPU s", "memory, MB"], rows)]

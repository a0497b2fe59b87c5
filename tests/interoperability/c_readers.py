"""C libraries, which read pages and ignore OME."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import tifffile

from demos import Demo
from interoperability.seen import Seen, sizes_text


def lacks_libtiff() -> str | None:
    absent = [name for name in ("tiffinfo", "tiffcmp") if shutil.which(name) is None]
    return f"not installed (apt-get install libtiff-tools): {', '.join(absent)}" if absent else None


def read_libtiff(demo: Demo) -> Seen:
    told = _run("tiffinfo", str(demo.path)).stdout
    sizes = re.findall(r"Image Width: (\d+) Image Length: (\d+)", told)
    (size,) = set(sizes)
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.tif"
        every = np.concatenate(
            [demo.stack(position).reshape(-1, *demo.plan.shape) for position in demo.positions]
        )
        tifffile.imwrite(frames, every, photometric="minisblack", metadata=None)
        same = _run("tiffcmp", "-t", str(demo.path), str(frames))
    version = re.search(r"LIBTIFF, Version ([\d.]+)", _run("tiffinfo").stderr)
    assert version is not None
    return Seen(
        images=1,
        sizes=sizes_text("NYX", (len(sizes), int(size[1]), int(size[0]))),
        exact=same.returncode == 0,
        version=version[1],
    )


def lacks_libvips() -> str | None:
    return None if importlib.util.find_spec("pyvips") else "not installed: pyvips"


def read_libvips(demo: Demo) -> Seen:
    import pyvips

    image = pyvips.Image.new_from_file(str(demo.path), n=-1)  # all pages in one tall image
    pages = image.numpy().reshape(image.get("n-pages"), image.get("page-height"), image.width)
    every = np.concatenate(
        [demo.stack(position).reshape(-1, *pages.shape[1:]) for position in demo.positions]
    )
    return Seen(
        images=1,
        sizes=sizes_text("NYX", pages.shape),
        exact=np.array_equal(pages, every),
        version=".".join(str(pyvips.version(part)) for part in range(3)),
    )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

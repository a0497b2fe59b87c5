"""Write golden files: ``python tests/data/golden/make.py NAME.zip [DATASET ...]`` with the version to keep.

Run it once for each change of the format and never again: later versions must read the archives.
Each dataset is in its own folder, beside ``expected.json``, which lists the frames.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exengine_ome_tiff import (
    ChannelInfo,
    ExperimenterInfo,
    ObjectiveInfo,
    PlateInfo,
    TiffStorage,
    __version__,
    recover,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Frame = tuple[dict[str, int | str], np.ndarray, Any]

DTYPES = ("?", "u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8", "c8", "c16")
SUMMARY = {"sample": "HeLa µ 🔬", "nested": {"list": [1, None, 2.5]}}


def pixels(number: int, shape: tuple[int, ...] = (6, 8), dtype: str = "u2") -> np.ndarray:
    """Make pixels that tell their number."""
    return (np.arange(np.prod(shape)).reshape(shape) % 50 + number).astype(dtype)


def metadata(number: int) -> dict[str, Any]:
    return {"Exposure-ms": 10.5, "number": number, "text": f"µ {number}\n", "stage": {"x_um": number / 4}}


def plain() -> Iterator[Frame]:
    """Yield frames of two positions with gaps, one of them put twice."""
    for number, (position, time, channel, z) in enumerate(
        itertools.product(("A1", "B/2"), range(2), ("DAPI", "GFP"), (-1, 0))
    ):
        if number % 5 != 3:
            place = {"position": position, "time": time, "channel": channel, "z": z}
            yield place, pixels(number), metadata(number)
    yield {"position": "A1", "time": 0, "channel": "GFP", "z": -1}, pixels(90), {"again": True}


def repeated() -> Iterator[Frame]:
    """Yield frames with a plan in their metadata, which changes once: records refer to it."""
    for number, (time, position) in enumerate(itertools.product(range(6), ("A1", "B/2"))):
        plan = [{"position": each, "x_um": each * 1.5 + number // 8, "well": "µ"} for each in range(40)]
        more = {"plan": plan, "devices": {"camera": "x" * 300, "text": "y" * 300}}
        yield {"position": position, "time": time}, pixels(number), metadata(number) | more


def axes() -> Iterator[Frame]:
    """Yield frames with axes that OME does not know, numbers and text mixed."""
    places = itertools.product(range(2), (0, "left", -3), (10, 30))
    for number, (row, stage, angle) in enumerate(places):
        yield {"row": row, "stage": stage, "angle": angle, "time": 0}, pixels(number), metadata(number)


def kinds() -> Iterator[Frame]:
    """Yield frames of all types of pixels, RGB and RGBA, and packed ones."""
    for number, dtype in enumerate(DTYPES):
        yield {"type": dtype}, pixels(number, dtype=dtype), {}
    yield {"type": "big"}, pixels(20, dtype=">u2"), None
    yield {"type": "rgb"}, pixels(21, (6, 8, 3), "u1"), {}
    yield {"type": "rgba"}, pixels(22, (6, 8, 4), "u2"), {}
    yield {"type": "packed"}, pixels(23, dtype="u4"), {"PixelType": "RGB32"}


def large() -> Iterator[Frame]:
    """Yield frames that are larger than a tile."""
    for time in range(2):
        yield {"time": time}, pixels(time, (40, 48)), metadata(time)


def described() -> dict[str, Any]:
    """Return all options by which a user describes a dataset."""
    return {
        "plate": PlateInfo({"A1": "A1", "B/2": "B2-Site_3"}, name="screen", rows=8, columns=12),
        "pixel_size_um": 0.65,
        "z_step_um": 2.0,
        "time_interval_s": 5.0,
        "channels": {
            "DAPI": ChannelInfo("#0000FF", 365.0, 455.0, fluorophore="Hoechst", acquisition_mode="WideField"),
            "GFP": ChannelInfo((0, 255, 0), emission_nm=509.0),
        },
        "objective": ObjectiveInfo(
            "Plan Apo", "Nikon", magnification=40.0, numerical_aperture=0.95, immersion="Air"
        ),
        "image_name": "screen",
        "description": "two wells",
        "experimenter": ExperimenterInfo("Ada", "Lovelace", "ada@example.org", "none", "ada"),
    }


def finished(storage: TiffStorage) -> None:
    storage.close()


def suspended(storage: TiffStorage) -> None:
    storage.suspend()


def killed(storage: TiffStorage) -> None:
    storage.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after_checkpoint(storage: TiffStorage) -> None:
    storage.checkpoint()
    killed(storage)


def killed_in_finish(writes: int) -> Callable[[TiffStorage], None]:
    """End the process at the nth write of `finish`."""

    def end(storage: TiffStorage) -> None:
        storage.flush()
        left = [writes]

        def dying(write: Callable[..., int]) -> Callable[..., int]:
            def function(*args: Any) -> int:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                return write(*args)

            return function

        os.write, os.pwrite = dying(os.write), dying(os.pwrite)
        storage.finish()
        raise RuntimeError(f"finished in {writes - left[0]} writes")

    return end


FILE, FOLDER = "run.ome.tiff", "run"
TILED = {"compression": "zlib", "tile": (16, 16), "pyramid_levels": 1}
DATASETS: dict[str, tuple[str, Callable[[], Iterator[Frame]], Callable[[], dict[str, Any]], Any]] = {
    "finished_file": (FILE, plain, described, finished),
    "finished_folder": (FOLDER, plain, described, finished),
    "finished_axes": (FILE, axes, lambda: {"fold_axes": {"angle": "T"}}, finished),
    "finished_kinds": (FILE, kinds, dict, finished),
    "finished_zlib": (FILE, plain, lambda: {"compression": "zlib", "predictor": True}, finished),
    "finished_lzw": (FILE, plain, lambda: {"compression": "lzw"}, finished),
    "finished_zstd": (FILE, plain, lambda: {"compression": "zstd", "checksums": "sha256"}, finished),
    "finished_pyramid": (FILE, large, lambda: TILED, finished),
    "killed_file": (FILE, plain, lambda: {"checksums": True}, killed),
    "killed_folder": (FOLDER, plain, described, killed),
    "killed_axes": (FILE, axes, lambda: {"fold_axes": {"angle": "T"}}, killed),
    "killed_kinds": (FILE, kinds, dict, killed),
    "killed_zlib": (FILE, plain, lambda: {"compression": "zlib", "predictor": True}, killed),
    "killed_pyramid": (FILE, large, lambda: TILED, killed),
    "killed_in_finish": (FILE, plain, dict, killed_in_finish(8)),
    "killed_in_finish_of_a_folder": (FOLDER, plain, dict, killed_in_finish(9)),
    "killed_in_finish_of_a_pyramid": (FILE, large, lambda: TILED, killed_in_finish(16)),
    "suspended_file": (FILE, plain, described, suspended),
    "suspended_folder": (FOLDER, plain, dict, suspended),
    "recovered_file": (FILE, plain, described, killed),
    "finished_references": (FILE, repeated, described, finished),
    "finished_folder_of_references": (FOLDER, repeated, dict, finished),
    "killed_references": (FILE, repeated, dict, killed),
    "killed_after_checkpoint": (FILE, repeated, dict, killed_after_checkpoint),
    "suspended_folder_of_references": (FOLDER, repeated, dict, suspended),
}


def write(name: str, folder: Path) -> None:
    """Write a dataset; the process ends then, where it is to be killed."""
    form, frames, options, end = DATASETS[name]
    storage = TiffStorage(folder / form, SUMMARY, **options())
    for frame in frames():
        storage.put(*frame)
    end(storage)


def expected(name: str) -> dict[str, Any]:
    """Tell what was put; a frame that was put again comes where it came first."""
    form, frames, _, _ = DATASETS[name]
    last = {json.dumps(place, sort_keys=True): (place, array, more) for place, array, more in frames()}
    return {
        "path": form,
        "state": name.partition("_")[0].replace("recovered", "finished"),
        "summary": SUMMARY,
        "frames": [
            {
                "coordinates": place,
                "shape": array.shape,
                "dtype": array.dtype.str,
                "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
                "metadata": more if more is not None else {},
            }
            for place, array, more in last.values()
        ],
    }


def main(archive: Path, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as top:
        for name in names or DATASETS:
            folder = Path(top) / name
            folder.mkdir()
            done = subprocess.run([sys.executable, __file__, folder, name], check=False)
            must_die = name.startswith(("killed", "recovered"))
            assert done.returncode == (-signal.SIGKILL if must_die else 0), name
            if name.startswith("recovered"):
                recover(folder / FILE)
            text = json.dumps({"written_by": __version__} | expected(name), indent=1, ensure_ascii=False)
            (folder / "expected.json").write_text(text + "\n", "utf-8")
        shutil.make_archive(str(archive.with_suffix("")), "zip", top)


if __name__ == "__main__":
    if Path(sys.argv[1]).is_dir():
        write(sys.argv[2], Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), sys.argv[2:])

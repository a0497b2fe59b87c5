"""What writes frames with metadata: this project, and others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import ome_writers
import tifffile
from exengine.kernel.data_storage_base import DataStorage
from exengine.storage_backends.ndtiff_and_ndram import NDTiffStorage

from exengine_ome_tiff import TiffStorage

CONSTANT = {f"key-{number}": f"value {number}" for number in range(37)}


def metadata_of(number: int) -> dict[str, str]:
    """A new dict of 40 strings, three of which differ from the frame before."""
    return CONSTANT | {
        "ElapsedTime-ms": f"{number * 10.5}",
        "ImageNumber": f"{number}",
        "Frame": f"f{number}",
    }


def place_of(number: int) -> dict[str, int | str]:
    return {"time": number, "channel": "DAPI", "z": 0}


def frame_of(size: int) -> np.ndarray:
    """What a camera sees: a background of 100 counts with its noise, and some light."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size
    light = 2000 * np.exp(-((x - 0.5) ** 2 + (y - 0.4) ** 2) * 20)
    return random.poisson(light + 100).astype(np.uint16)


class Contiguous:
    """tifffile's fastest way, which keeps no metadata."""

    def __init__(self, folder: Path) -> None:
        self._writer = tifffile.TiffWriter(folder / "run.tif", bigtiff=True)
        self.close = self._writer.close

    def put(self, _: object, frame: np.ndarray, __: object) -> None:
        self._writer.write(frame, contiguous=True, photometric="minisblack")


class PagePerWrite:
    """A tifffile page for each frame, with its metadata in a tag."""

    def __init__(self, folder: Path) -> None:
        self._writer = tifffile.TiffWriter(folder / "run.tif", bigtiff=True, ome=False, shaped=False)
        self.close = self._writer.close

    def put(self, _: object, frame: np.ndarray, metadata: object) -> None:
        text = json.dumps(metadata).encode()
        tags = [(65000, 7, len(text), text, True)]
        self._writer.write(frame, photometric="minisblack", metadata=None, extratags=tags)


class RawBytes:
    """Pixels and JSON, one behind the other, in a file that nobody can read."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "run.raw").open("wb", buffering=0)
        self.close = self._file.close

    def put(self, _: object, frame: np.ndarray, metadata: object) -> None:
        self._file.write(json.dumps(metadata).encode())
        self._file.write(frame)


class OmeWriters:
    """ome-writers' tifffile backend, which is told beforehand how many frames will come."""

    def __init__(self, folder: Path, size: int, frames: int) -> None:
        dimensions = [
            ome_writers.Dimension(name=name, count=count, type=kind)
            for name, count, kind in (("t", frames, "time"), ("y", size, "space"), ("x", size, "space"))
        ]
        self._stream = ome_writers.create_stream(
            ome_writers.AcquisitionSettings(
                root_path=str(folder / "run.ome.tiff"),
                dimensions=dimensions,
                dtype="uint16",
                format=ome_writers.OmeTiffFormat(backend="tifffile"),
            )
        )
        self.close = self._stream.close

    def put(self, _: object, frame: np.ndarray, metadata: dict[str, Any]) -> None:
        self._stream.append(frame, frame_metadata=metadata)


def ours(folder: Path, **options: Any) -> TiffStorage:
    """Peers do not wait for the disk, so this does not either."""
    return TiffStorage(folder / "run.ome.tiff", **{"fsync": False} | options)


def ndtiff(folder: Path) -> NDTiffStorage:
    return NDTiffStorage(str(folder), "run")


def end(writer: Any) -> None:
    """Finish what has to be, and close."""
    if isinstance(writer, DataStorage):
        writer.finish()
    writer.close()

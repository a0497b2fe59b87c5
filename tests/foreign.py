"""Datasets of other programs: NDTiff written by ndstorage, all others by hand."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from ndstorage import NDTiffDataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Frame = tuple["Mapping[str, int | str]", np.ndarray, "Mapping[str, Any]"]
_PIXEL_TYPES = {(1, 1): 0, (2, 1): 1, (1, 3): 2}
"""NDTiff's pixel types, by bytes per sample and number of samples."""


def write_ndtiff(folder: Path, name: str, summary: Any, frames: Iterable[Frame]) -> Path:
    """Write a dataset with ndstorage; return its folder."""
    dataset = NDTiffDataset(str(folder), name=name, writable=True)
    dataset.initialize(summary)
    for coordinates, pixels, metadata in frames:
        dataset.put_image(dict(coordinates), np.ascontiguousarray(pixels), dict(metadata))
    close(dataset)
    return folder / f"{name}_1"


def close(dataset: NDTiffDataset) -> None:
    """Finish a dataset and close all its files; ndstorage leaves one open."""
    left_open = dataset.current_writer.reader
    dataset.finish()
    dataset.close()
    left_open.close()


def page(at: int, pixels: np.ndarray, metadata: bytes, *, is_last: bool) -> tuple[bytes, int, int]:
    """Make an IFD as Micro-Manager does, followed by pixels and metadata.

    Parameters
    ----------
    at
        Where in the file it will be; even.

    Returns
    -------
    bytes
        All of it.
    int, int
        Offsets of pixels and metadata.
    """
    height, width = pixels.shape[:2]
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    pixels_at = at + 2 + 13 * 12 + 4
    more_at = pixels_at + pixels.nbytes
    metadata_at = more_at + 6 + 16
    end = metadata_at + len(metadata)
    end += end % 2
    bits = 8 * pixels.itemsize
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, samples, more_at if samples > 1 else bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if samples > 1 else 1),
        (273, 4, 1, pixels_at),
        (277, 3, 1, samples),
        (278, 3, 1, height),
        (279, 4, 1, pixels.nbytes),
        (282, 5, 1, more_at + 6),
        (283, 5, 1, more_at + 14),
        (296, 3, 1, 3),
        (51123, 2, len(metadata), metadata_at),
    ]
    ifd = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = struct.pack("<H", len(entries)) + ifd + struct.pack("<I", 0 if is_last else end)
    data += pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    data += struct.pack("<3H4I", bits, bits, bits, 1, 1, 1, 1) + metadata
    return data.ljust(end - at, b"\0"), pixels_at, metadata_at


def pages(at: int, frames: Sequence[Frame]) -> tuple[bytes, list[tuple[int, int, int, int]]]:
    """Make consecutive pages; return them, the offsets of IFDs, pixels and metadata, and the last length."""
    data, places = b"", []
    for number, (_, pixels, metadata) in enumerate(frames):
        text = json.dumps(metadata).encode()
        ifd_at = at + len(data)
        more, pixels_at, metadata_at = page(ifd_at, pixels, text, is_last=number == len(frames) - 1)
        data += more
        places.append((ifd_at, pixels_at, metadata_at, len(text)))
    return data, places


def write_ndtiff_by_hand(folder: Path, version: int, summary: Any, frames: Sequence[Frame]) -> Path:
    """Write a dataset of version 2 or 3; unlike ndstorage, also RGB."""
    inner = folder / "Full resolution" if version == 2 else folder
    inner.mkdir(parents=True)
    text = json.dumps(summary).encode()
    head = [483729, version, *([3] if version == 3 else []), 2355492, len(text)]
    start = 8 + 4 * len(head) + len(text)
    first = start + start % 2
    data, places = pages(first, frames)
    header = struct.pack(f"<2sHI{len(head)}I", b"II", 42, first, *head) + text
    (inner / "old_NDTiffStack.tif").write_bytes(header.ljust(first, b"\0") + data)
    index = b""
    for (coordinates, pixels, _), (_, pixels_at, metadata_at, nbytes) in zip(frames, places, strict=True):
        for word in (json.dumps(coordinates), "old_NDTiffStack.tif"):
            index += struct.pack("<I", len(word.encode())) + word.encode()
        kind = _PIXEL_TYPES[pixels.itemsize, pixels.shape[2] if pixels.ndim == 3 else 1]
        index += struct.pack(
            "<8I", pixels_at, pixels.shape[1], pixels.shape[0], kind, 0, metadata_at, nbytes, 0
        )
    (inner / "NDTiff.index").write_bytes(index)
    return folder


def _cztp(coordinates: Mapping[str, int | str]) -> tuple[int, ...]:
    return tuple(int(coordinates.get(axis, 0)) for axis in ("channel", "z", "time", "position"))


def write_ndtiff_1(folder: Path, summary: Mapping[str, Any], frames: Sequence[Frame]) -> Path:
    """Write a dataset of version 1, with the axes in the frames' metadata."""
    inner = folder / "Full resolution"
    inner.mkdir(parents=True)
    text = json.dumps(summary).encode()
    first = 48 + len(text) + 20 * len(frames)
    first += first % 2
    data, places = pages(first, [(c, p, {**m, "Axes": dict(c)}) for c, p, m in frames])
    index = b"".join(
        struct.pack("<4iI", *_cztp(frame[0]), place[0]) for frame, place in zip(frames, places, strict=True)
    )
    header = struct.pack(
        "<2sHI8I", b"II", 42, first, 54773648, 40 + len(text), 0, 0, 483729, 1, 2355492, len(text)
    )
    header += text + struct.pack("<2I", 3453623, len(frames)) + index
    (inner / "old_NDTiffStack.tif").write_bytes(header.ljust(first, b"\0") + data)
    return folder


def write_image_stack(
    path: Path,
    summary: Mapping[str, Any],
    frames: Sequence[Frame],
    comments: Mapping[str, Any] | None = None,
    *,
    is_finished: bool = True,
    n_unused: int = 0,
) -> Path:
    """Write a file of an image stack as Micro-Manager 2 does.

    Parameters
    ----------
    frames
        Their coordinates are numbers of channel, z, time and position.
    is_finished
        Whether the index and the comments are there, which Micro-Manager writes last.
    n_unused
        How many entries of the index are all zeros.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary).encode()
    first = 40 + len(text)
    first += first % 2
    data, places = pages(first, frames)
    index_at = first + len(data)
    index = struct.pack("<2I", 3453623, len(frames) + n_unused) + b"".join(
        struct.pack("<5I", *_cztp(frame[0]), place[0]) for frame, place in zip(frames, places, strict=True)
    )
    index += bytes(20 * n_unused)
    display_at, display = index_at + len(index), json.dumps([{"Name": "a"}]).encode()
    comments_at, remarks = display_at + 8 + len(display), json.dumps(comments or {"Summary": ""}).encode()
    ends = (index_at, display_at, comments_at) if is_finished else (0, 0, 0)
    header = struct.pack("<2sHI", b"II", 42, first)
    for code, end in zip((54773648, 483765892, 99384722), ends, strict=True):
        header += struct.pack("<2I", code, end)
    header += struct.pack("<2I", 2355492, len(text)) + text
    blocks = index + struct.pack("<2I", 347834724, len(display)) + display
    blocks += struct.pack("<2I", 84720485, len(remarks)) + remarks
    path.write_bytes(header.ljust(first, b"\0") + data + (blocks if is_finished else b""))
    return path


def write_separate_1(
    folder: Path,
    summary: Mapping[str, Any],
    frames: Sequence[Frame],
    *,
    channels: Sequence[str] = ("Default",),
    names: Sequence[str] = ("Pos0",),
    cut: int = 0,
) -> Path:
    """Write separate image files as Micro-Manager 1.4 does: one folder per position.

    Parameters
    ----------
    frames
        Their coordinates are numbers of channel, z, time and position.
    channels, names
        Names of channels and positions.
    cut
        How many bytes the end of each ``metadata.txt`` lacks, as after a crash.
    """
    entries: dict[str, dict[str, Any]] = {}
    for coordinates, pixels, metadata in frames:
        c, z, t, p = _cztp(coordinates)
        name = f"img_{t:09}_{channels[c]}_{z:03}.tif"
        own = {
            **metadata,
            **_format(pixels),
            "FileName": name,
            "Channel": channels[c],
            "PositionName": names[p],
        }
        _write_by_imagej(folder / names[p] / name, pixels, own)
        entries.setdefault(names[p], {"Summary": summary})[f"FrameKey-{t}-{c}-{z}"] = own
    return _write_metadata_text(folder, entries, cut)


def write_separate_2(
    folder: Path,
    summary: Mapping[str, Any],
    frames: Sequence[Frame],
    *,
    names: Sequence[str] = ("Default",),
    cut: int = 0,
    is_beta: bool = False,
) -> Path:
    """Write separate image files as Micro-Manager 2 does; parameters as for `write_separate_1`.

    Parameters
    ----------
    is_beta
        Whether ``metadata.txt`` has nothing but coordinates, as that of the beta versions: all other
        metadata of a frame are in its file.
    """
    entries: dict[str, dict[str, Any]] = {}
    for coordinates, pixels, metadata in frames:
        c, z, t, p = _cztp(coordinates)
        name = f"{names[p]}/img_channel{c:03}_position{p:03}_time{t:09}_z{z:03}.tif"
        own = {**metadata, **_format(pixels), "PositionName": names[p]}
        if not is_beta:
            own["FileName"] = name
        _write_by_imagej(folder / name, pixels, own)
        texts = entries.setdefault(names[p], {"Summary": summary})
        texts[f"Coords-{name}"] = {"channel": c, "position": p, "time": t, "z": z}
        if not is_beta:
            texts[f"Metadata-{name}"] = own
    return _write_metadata_text(folder, entries, cut)


def _format(pixels: np.ndarray) -> dict[str, Any]:
    """Return the metadata of an image about its pixels."""
    kind = "RGB32" if pixels.ndim == 3 else f"GRAY{8 * pixels.itemsize}"
    return {"Width": pixels.shape[1], "Height": pixels.shape[0], "PixelType": kind}


def _write_by_imagej(path: Path, pixels: np.ndarray, metadata: Mapping[str, Any]) -> None:
    """Write an image as ImageJ does; Micro-Manager uses ImageJ for this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, imagej=True, metadata={"Info": json.dumps(metadata, indent=2)})


def _write_metadata_text(folder: Path, entries: Mapping[str, Mapping[str, Any]], cut: int) -> Path:
    for name, texts in entries.items():
        text = json.dumps(texts, indent=2)
        (folder / name / "metadata.txt").write_text(text[: len(text) - cut])
    return folder


def write_ome_tiff(
    folder: Path,
    images: Mapping[str, np.ndarray],
    *,
    schema: str = "2016-06",
    companion: str = "",
    **more: Any,
) -> list[Path]:
    """Write OME-TIFF with one file per image, each with the OME-XML of all.

    Parameters
    ----------
    images
        By their names arrays of shape (T, C, Z, Y, X).
    schema
        Version of the schema.
    companion
        Name of the file that has the OME-XML instead.
    **more
        ``pixels``, ``planes`` and ``channels``: attributes of these elements, the latter two as functions of
        their indices; ``inside``: further elements of each image before its Pixels, ``first`` and ``last``
        ones of the document.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uuids = {name: f"urn:uuid:{number:08}-0000-4000-8000-000000000000" for number, name in enumerate(images)}
    document = ""
    of_channel = more.get("channels", lambda _c: "")
    for number, (name, array) in enumerate(images.items()):
        t_size, c_size, z_size, height, width = array.shape
        places = list(np.ndindex(t_size, c_size, z_size))
        channels = "".join(
            f'<Channel ID="Channel:{number}:{c}" SamplesPerPixel="1" {of_channel(c)}/>' for c in range(c_size)
        )
        data = "".join(
            f'<TiffData IFD="{ifd}" FirstT="{t}" FirstC="{c}" FirstZ="{z}" PlaneCount="1">'
            f'<UUID FileName="{name}.ome.tif">{uuids[name]}</UUID></TiffData>'
            for ifd, (t, c, z) in enumerate(places)
        )
        planes = (
            "".join(
                f'<Plane TheT="{t}" TheC="{c}" TheZ="{z}" {more["planes"](t, c, z)}/>' for t, c, z in places
            )
            if "planes" in more
            else ""
        )
        document += (
            f'<Image ID="Image:{number}" Name="{name}">{more.get("inside", "")}<Pixels ID="Pixels:{number}" '
            f'DimensionOrder="XYZCT" Type="{array.dtype.name}" SizeX="{width}" SizeY="{height}" '
            f'SizeZ="{z_size}" SizeC="{c_size}" SizeT="{t_size}" {more.get("pixels", "")}>'
            f"{channels}{data}{planes}</Pixels></Image>"
        )
    namespace = f"http://www.openmicroscopy.org/Schemas/OME/{schema}"
    start = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{namespace}" '
    master = "urn:uuid:99999999-0000-4000-8000-000000000000"
    paths = []
    for name, array in images.items():
        body = more.get("first", "") + document + more.get("last", "")
        if companion:
            body = f'<BinaryOnly MetadataFile="{companion}" UUID="{master}"/>'
        xml = f'{start}UUID="{uuids[name]}">{body}</OME>'
        paths.append(folder / f"{name}.ome.tif")
        planes = array.reshape(-1, *array.shape[-2:])
        tifffile.imwrite(paths[-1], planes, photometric="minisblack", description=xml.encode(), metadata=None)
    if companion:
        xml = f'{start}UUID="{master}">{document}</OME>'
        (folder / companion).write_text(xml, "utf-8")
    return paths

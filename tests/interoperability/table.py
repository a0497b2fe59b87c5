"""The readers, what each should see, and the table in the documentation.

``PYTHONPATH=tests python -m interoperability.table`` asks every reader that is there and writes the table.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from demos import Demo, make_demo
from exengine_ome_tiff.demo.acquisition import DemoPlan
from interoperability import c_readers, java_readers, python_readers
from interoperability.python_readers import lacks
from interoperability.seen import Reader, Seen
from readers import bioformats, imagej

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "interoperability.md"
PLAN = DemoPlan(positions=2, time_points=4, channels=("DAPI", "GFP"), z_slices=3, size=(48, 64))

_IMAGES = ("Pos0", "Pos1")
_OME = Seen(
    images=_IMAGES,
    sizes="T4 C2 Z3 Y48 X64",
    exact=True,
    channels=("DAPI", "GFP"),
    colors=((0, 0, 255), (0, 255, 0)),
    voxel_um=(0.325, 0.325, 1.5),
    interval_s=60.0,
    exposure_s=0.05,
    stage_x_um=(0.0, 200.0),
)
_IMAGEJ = replace(_OME, sizes="T4 Z3 C2 Y48 X64", exposure_s=None, stage_x_um=None)
_BIOIO = replace(
    _OME, images=("Image:0", "Image:1"), colors=None, interval_s=None, exposure_s=None, stage_x_um=None
)
_PAGES = Seen(images=1, sizes="N48 Y48 X64", exact=True)
_STORE = Seen(images=2, sizes=_OME.sizes, exact=True)
_ALL_PAGES = "all pages of both images in a row: by position, time, channel, z"

READERS = (
    Reader("Bio-Formats 6", java_readers.read_bioformats, bioformats.unavailable_reason, _OME),
    Reader("Bio-Formats 7", java_readers.read_bioformats_7, java_readers.lacks_bioformats_7, _OME),
    Reader(
        "Bio-Formats 6, folder",
        java_readers.read_bioformats,
        bioformats.unavailable_reason,
        _OME,
        "opens the `.companion.ome`",
        folder=True,
    ),
    Reader(
        "Bio-Formats 7, folder",
        java_readers.read_bioformats_7,
        java_readers.lacks_bioformats_7,
        _OME,
        "opens the `.companion.ome`",
        folder=True,
    ),
    Reader(
        "ImageJ, Bio-Formats Importer",
        java_readers.read_imagej,
        imagej.unavailable_reason,
        _IMAGEJ,
        "by the [macro](../fiji.md); without it no channel names, and no colours by default",
    ),
    Reader(
        "ImageJ, Bio-Formats Importer, folder",
        java_readers.read_imagej,
        imagej.unavailable_reason,
        _IMAGEJ,
        "as above, from the `.companion.ome`",
        folder=True,
    ),
    Reader(
        "tifffile",
        python_readers.read_tifffile,
        lacks(),
        Seen(_IMAGES, _OME.sizes, exact=True),
        "gives the OME-XML as text",
    ),
    Reader("ome-types", python_readers.read_ome_types, lacks(), replace(_OME, exact=None), "reads no pixels"),
    Reader(
        "bioio, bioio-ome-tiff",
        python_readers.read_bioio,
        lacks("bioio", "bioio_ome_tiff"),
        _BIOIO,
        "the rest is in its `ome_metadata`",
    ),
    Reader(
        "scikit-image",
        python_readers.read_skimage,
        lacks("skimage"),
        Seen(images=1, sizes="T4 C2 Y48 X64 Z3", exact=True),
        "`imread` gives the first image only, and treats three slices as colours: they become the last axis",
    ),
    Reader(
        "zarr, through tifffile's store",
        python_readers.read_zarr,
        lacks("zarr"),
        _STORE,
        "one store for each image; axes are named",
    ),
    Reader(
        "dask, through tifffile's store",
        python_readers.read_dask,
        lacks("dask", "zarr"),
        _STORE,
        "one store for each image; a chunk is a plane",
    ),
    Reader("libtiff", c_readers.read_libtiff, c_readers.lacks_libtiff, _PAGES, _ALL_PAGES),
    Reader("libvips", c_readers.read_libvips, c_readers.lacks_libvips, _PAGES, _ALL_PAGES),
    Reader("Pillow", python_readers.read_pillow, lacks("PIL"), _PAGES, _ALL_PAGES),
)

_HEAD = (
    "Reader",
    "Version",
    "Images",
    "Sizes",
    "Channels",
    "Voxel, µm",
    "Interval, s",
    "Exposure, s",
    "Stage x, µm",
    "Pixels",
    "Note",
)
_TABLE = re.compile(r"^\| Reader \|.*?(?=^(?!\|))", re.MULTILINE | re.DOTALL)


def make_datasets(folder: Path) -> dict[bool, Demo]:
    """Acquire the dataset as one file and as a folder; return both by whether it is the folder."""
    options = {"time_interval_s": 60.0}
    return {
        False: make_demo(folder / "demo.ome.tiff", PLAN, **options),
        True: make_demo(folder / "demo", PLAN, **options),
    }


def render(rows: dict[str, Seen]) -> str:
    """Write a Markdown table of what readers saw, with a row for each of `READERS`."""
    lines = [_HEAD, ("---",) * len(_HEAD), *(_row(reader, rows[reader.name]) for reader in READERS)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown() -> dict[str, str]:
    """Return the table in the documentation, and the version of each of its readers under its name."""
    match = _TABLE.search(PAGE.read_text("utf-8"))
    assert match is not None, f"{PAGE} has no table"
    rows = [line.split(" | ") for line in match[0].splitlines()[2:]]
    return {"": match[0]} | {row[0].removeprefix("| "): row[1] for row in rows}


def _row(reader: Reader, seen: Seen) -> tuple[str, ...]:
    images = str(seen.images) if isinstance(seen.images, int) else ", ".join(seen.images)
    channels = ", ".join(seen.channels or ())
    if seen.colors:
        channels += " in " + ", ".join("#" + bytes(color).hex() for color in seen.colors)
    cells = (
        reader.name,
        seen.version,
        images,
        seen.sizes,
        channels,
        " x ".join(f"{size:g}" for size in seen.voxel_um or ()),
        "" if seen.interval_s is None else f"{seen.interval_s:g}",
        "" if seen.exposure_s is None else f"{seen.exposure_s:g}",
        ", ".join(f"{x:g}" for x in seen.stage_x_um or ()),
        {True: "exact", False: "wrong", None: ""}[seen.exact],
        reader.note,
    )
    return tuple(cell or "-" for cell in cells)


def main() -> None:
    """Write the table; a missing reader keeps its expected values and version."""
    page = PAGE.read_text("utf-8")
    versions = shown()
    with tempfile.TemporaryDirectory() as folder:
        datasets = make_datasets(Path(folder))
        rows = {
            reader.name: replace(reader.expected, version=versions.get(reader.name, "?"))
            if reader.missing()
            else reader.read(datasets[reader.folder])
            for reader in READERS
        }
    PAGE.write_text(_TABLE.sub(lambda _: render(rows), page), "utf-8")


if __name__ == "__main__":
    main()

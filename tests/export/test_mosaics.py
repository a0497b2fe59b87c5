"""Tiles cut from a scene are reassembled exactly, as Bio-Formats and tifffile show."""

import re

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import (
    ChannelInfo,
    PlateInfo,
    TiffStorage,
    export_mosaic,
    export_tile_configuration,
    validate,
)
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.export.mosaic_groups import TileLayout
from exengine_ome_tiff.tiff import disk, smaller_copies

UM = 0.5
map_file = np.memmap
TILE = 40, 56
ORIGINS = {(row, column): (row * 33, column * 45) for row in range(3) for column in range(2)}
SCENE = 106, 101
CHANNELS = "DAPI", "GFP"


def scene(seed, shape=SCENE, dtype=np.uint16):
    return np.random.default_rng(seed).integers(1, 250, shape).astype(dtype)


def put_tiles(storage, whole, origins, place, *, sign=(1, 1), left_out=()):
    """Put tiles of a scene at stage positions, whose X and Y may be flipped."""
    for (row, column), (top, left) in origins.items():
        if (row, column) in left_out:
            continue
        tile = whole[top : top + TILE[0], left : left + TILE[1]]
        stage = {"x_um": sign[0] * left * UM + 1000, "y_um": sign[1] * top * UM - 50, "exposure_s": 0.01}
        storage.put(place(row, column), tile, stage)


def grid(**inside):
    return lambda row, column: {"row": row, "column": column, **inside}


def pixels_of(path):
    with tifffile.TiffFile(path) as tiff:
        return {series.name: series.asarray() for series in tiff.series}


def test_time_z_and_channels_are_kept(tmp_path, bioformats):
    path, dest = tmp_path / "tiles.ome.tiff", tmp_path / "mosaic.ome.tiff"
    channels = {"GFP": ChannelInfo(color="#123456", emission_nm=510)}
    wholes = {}
    with TiffStorage(path, pixel_size_um=UM, z_step_um=2, channels=channels, fsync=False) as storage:
        for number, (time, z, channel) in enumerate(
            (t, z, c) for t in range(2) for z in (0, 1) for c in CHANNELS
        ):
            wholes[time, z, channel] = scene(number)
            put_tiles(storage, wholes[time, z, channel], ORIGINS, grid(time=time, z=z, channel=channel))
    steps = []
    done = export_mosaic(path, dest, pyramid_levels=1, tile=(16, 16), progress=lambda *at: steps.append(at))
    assert (done.tiles, done.sizes, done.skipped) == ((6,), (SCENE,), ())
    assert (steps[0], steps[-1]) == ((0, 8), (8, 8))
    assert validate(dest) == []
    with tifffile.TiffFile(dest) as tiff:
        assert (tiff.series[0].axes, tiff.series[0].shape) == ("TZCYX", (2, 2, 2, *SCENE))
        assert [level.shape[-2:] for level in tiff.series[0].levels] == [SCENE, (53, 50)]
        found = tiff.series[0].asarray()
        image = from_xml(tiff.ome_metadata).images[0]
    with bioformats(dest) as opened:
        assert opened.warnings == []
        for (time, z, channel), whole in wholes.items():
            at = CHANNELS.index(channel)
            assert (opened.plane(0, z, at, time) == whole).all()
            assert (found[time, z, at] == whole).all()
    plane, gfp = image.pixels.planes[0], image.pixels.channels[1]
    assert (image.pixels.physical_size_x, image.pixels.physical_size_y, image.pixels.physical_size_z) == (
        UM,
        UM,
        2,
    )
    assert (plane.position_x, plane.position_y) == (1000 + 45 * UM / 2, -50 + 66 * UM / 2)
    assert plane.exposure_time == 0.01
    assert (gfp.name, gfp.color.as_rgb_tuple()[:3], gfp.emission_wavelength) == ("GFP", (18, 52, 86), 510)


@pytest.mark.parametrize("flip", ["", "x", "y", "xy"])
def test_stage_axes_may_be_flipped(tmp_path, flip):
    sign = tuple(-1 if axis in flip else 1 for axis in "xy")
    with TiffStorage(tmp_path / "tiles", pixel_size_um=UM, fsync=False) as storage:
        put_tiles(storage, scene(1, (*SCENE, 3), np.uint8), ORIGINS, grid(), sign=sign)
    dest = tmp_path / "mosaic.ome.tiff"
    command = ["export", "--mosaic", str(tmp_path / "tiles"), str(dest), *(["--flip", flip] if flip else [])]
    assert main(command) == 0
    assert (pixels_of(dest)["mosaic"] == scene(1, (*SCENE, 3), np.uint8)).all()
    assert main(command) == 2


def test_each_well_and_each_set_of_touching_positions_is_a_mosaic(tmp_path):
    wells = {"A1": 1, "B2": 2}
    with TiffStorage(tmp_path / "plate.ome.tiff", pixel_size_um=UM, fsync=False) as storage:
        for well, seed in wells.items():
            put_tiles(
                storage,
                scene(seed),
                ORIGINS,
                lambda row, column, well=well: {"position": f"{well}-Site_{2 * row + column}"},
            )
    done = export_mosaic(tmp_path / "plate.ome.tiff", tmp_path / "wells.ome.tiff")
    assert done.tiles == (6, 6)
    found = pixels_of(tmp_path / "wells.ome.tiff")
    assert {name: bool((found[name] == scene(seed)).all()) for name, seed in (("A01", 1), ("B02", 2))} == {
        "A01": True,
        "B02": True,
    }
    (plate,) = from_xml(tifffile.tiffcomment(tmp_path / "wells.ome.tiff")).plates
    assert [(each.row, each.column) for each in plate.wells] == [(0, 0), (1, 1)]
    sites = {number: ("A1", "B2")[number // 6] for number in range(12)}
    with TiffStorage(
        tmp_path / "told.ome.tiff",
        plate=PlateInfo(sites, "P"),
        image_name="mine",
        pixel_size_um=UM,
        fsync=False,
    ) as storage:
        for first, seed in ((0, 1), (6, 2)):
            put_tiles(
                storage,
                scene(seed),
                ORIGINS,
                lambda row, column, first=first: {"position": first + 2 * row + column},
            )
    assert export_mosaic(tmp_path / "told.ome.tiff", tmp_path / "told wells.ome.tiff").tiles == (6, 6)
    document = from_xml(tifffile.tiffcomment(tmp_path / "told wells.ome.tiff"))
    assert [image.name for image in document.images] == ["mine, A01", "mine, B02"]
    assert [(each.row, each.column) for each in document.plates[0].wells] == [(0, 0), (1, 1)]
    apart = {(0, 0): (0, 0), (0, 1): (0, 45), (5, 5): (500, 500)}
    with TiffStorage(tmp_path / "places.ome.tiff", pixel_size_um=UM, fsync=False) as storage:
        put_tiles(storage, scene(3, (600, 600)), apart, lambda row, column: {"position": f"{row} {column}"})
    assert export_mosaic(tmp_path / "places.ome.tiff", tmp_path / "parts.ome.tiff").tiles == (2, 1)
    found = pixels_of(tmp_path / "parts.ome.tiff")
    assert [*found] == ["0 0", "5 5"]
    assert (found["0 0"] == scene(3, (600, 600))[:40, :101]).all()


def test_an_interrupted_export_is_resumed(tmp_path):
    path, dest = tmp_path / "tiles.ome.tiff", tmp_path / "mosaic.ome.tiff"
    channels = {"GFP": ChannelInfo(color="#123456")}
    with TiffStorage(path, pixel_size_um=UM, channels=channels, fsync=False) as storage:
        for time in range(3):
            put_tiles(storage, scene(time), ORIGINS, grid(time=time, channel="GFP"))

    def stop(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_mosaic(path, dest, progress=stop)
    assert not dest.exists()
    with pytest.raises(FileExistsError, match="different options"):
        export_mosaic(path, dest, flip="x")
    read = []
    done = export_mosaic(path, dest, progress=lambda *at: read.append(at))
    assert done.sizes == (SCENE,)
    assert (pixels_of(dest)["mosaic"] == np.stack([scene(time) for time in range(3)])).all()
    assert [each for each in tmp_path.iterdir() if each not in (path, dest)] == []


def test_a_missing_tile_leaves_a_hole(tmp_path):
    with TiffStorage(tmp_path / "tiles.ome.tiff", pixel_size_um=UM, fsync=False) as storage:
        put_tiles(storage, scene(0), ORIGINS, grid(time=0))
        put_tiles(storage, scene(1), ORIGINS, grid(time=1), left_out={(0, 1)})
    export_mosaic(tmp_path / "tiles.ome.tiff", tmp_path / "mosaic.ome.tiff")
    first, second = pixels_of(tmp_path / "mosaic.ome.tiff")["mosaic"]
    expected = scene(1)
    expected[:33, 56:] = 0
    assert (first == scene(0)).all()
    assert (second == expected).all()


def test_overlaps_are_divided_in_the_middle():
    layout = TileLayout.of(np.array([[0, 0], [45, 0], [0, 33], [45, 33]]), (TILE[1], TILE[0]))
    top_left = layout.kept(0, range(4))
    assert top_left[:36, :50].all()  # 11 pixels of each row are shared, and 7 of each column
    assert top_left[:37, :51].sum() == top_left.sum()
    jittered = np.random.default_rng(0).integers(-9, 9, (20, 2)) + [
        [45 * x, 33 * y] for x in range(5) for y in range(4)
    ]
    layout = TileLayout.of(jittered, (TILE[1], TILE[0]))
    count = np.zeros(layout.shape, int)
    covered = np.zeros(layout.shape, bool)
    for tile in range(20):
        covered[layout.windows(tile)] = True
        count[layout.windows(tile)] += layout.kept(tile, range(20))
    assert (count == covered).all()


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 32)}])
def test_large_mosaics_are_made_in_temporary_files_and_bands(tmp_path, monkeypatch, options):
    path = tmp_path / "tiles.ome.tiff"
    with TiffStorage(path, pixel_size_um=UM, fsync=False) as storage:
        put_tiles(storage, scene(0), ORIGINS, grid())
    export_mosaic(path, tmp_path / "small.ome.tiff", pyramid_levels=3, **options)
    shapes = []  # not the arrays, which keep their files open

    def memmap(*args, **options):
        shapes.append(options["shape"])
        return map_file(*args, **options)

    monkeypatch.setattr(disk, "IN_MEMORY_BYTES", 64)
    monkeypatch.setattr(smaller_copies, "_BAND_BYTES", 5000)
    monkeypatch.setattr(disk.np, "memmap", memmap)
    export_mosaic(path, tmp_path / "large.ome.tiff", pyramid_levels=3, **options)
    assert shapes == [SCENE]  # the smaller copies need none
    with (
        tifffile.TiffFile(tmp_path / "small.ome.tiff") as small,
        tifffile.TiffFile(tmp_path / "large.ome.tiff") as large,
    ):
        pairs = zip(small.series[0].levels, large.series[0].levels, strict=True)
        assert [(one.asarray() == other.asarray()).all() for one, other in pairs] == [True] * 4
    assert [*tmp_path.glob(".*")] == []


def test_the_tile_configuration_of_bigstitcher(tmp_path):
    path, dest = tmp_path / "tiles.ome.tiff", tmp_path / "TileConfiguration.txt"
    with TiffStorage(path, pixel_size_um=UM, fsync=False) as storage:
        for channel in CHANNELS:
            put_tiles(storage, scene(0), ORIGINS, grid(channel=channel))
    assert main(["export", "--mosaic", str(path), str(dest)]) == 0
    head, *lines = dest.read_text().splitlines()
    assert head == "dim = 3"
    read = [re.fullmatch(r"(\d+); ; \((.*), (.*), 0\.0\)", line).groups() for line in lines]
    places = [(float(left), float(top)) for top, left in ORIGINS.values()]
    assert [int(setup) for setup, _, _ in read] == [*range(12)]
    assert [(float(x), float(y)) for _, x, y in read] == places * 2
    with pytest.raises(FileExistsError):
        export_tile_configuration(path, dest)


def test_invalid_mosaics(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", fsync=False) as storage:
        put_tiles(storage, scene(0), ORIGINS, grid())
    with pytest.raises(ValueError, match="the pixel size is unknown"):
        export_mosaic(tmp_path / "run.ome.tiff", tmp_path / "m.ome.tiff")
    with TiffStorage(tmp_path / "two.ome.tiff", pixel_size_um=UM, fsync=False) as storage:
        for position in (0, 1):
            storage.put({"position": position}, scene(0), {"x_um": position * 1000, "y_um": 0})
        storage.flush()
        with pytest.raises(ValueError, match="no two images touch"):
            export_mosaic(tmp_path / "two.ome.tiff", tmp_path / "m.ome.tiff")
        storage.put({"position": 2}, scene(0))
    with TiffStorage(tmp_path / "unlike.ome.tiff", pixel_size_um=UM, fsync=False) as storage:
        for row, dtype in enumerate((np.uint8, np.uint16)):
            put_tiles(
                storage, scene(0, dtype=dtype), {(row, c): (row * 33, c * 45) for c in range(2)}, grid()
            )
    with pytest.raises(ValueError, match="their pixels differ in type"):
        export_mosaic(tmp_path / "unlike.ome.tiff", tmp_path / "m.ome.tiff")
    with pytest.raises(ValueError, match="no frame has a stage position"):
        export_mosaic(tmp_path / "two.ome.tiff", tmp_path / "m.ome.tiff")
    assert (
        main(
            [
                "export",
                "--mosaic",
                "--image",
                "0",
                str(tmp_path / "two.ome.tiff"),
                str(tmp_path / "m.ome.tiff"),
            ]
        )
        == 2
    )
    assert main(["export", "--flip", "x", str(tmp_path / "two.ome.tiff"), str(tmp_path / "m.tif")]) == 2

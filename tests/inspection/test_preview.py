"""Previews: their planes and colours, checked by the pixels of the picture."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from exengine_ome_tiff import OmeTiffError, PlateInfo, TiffStorage, preview
from exengine_ome_tiff.inspection import preview_cells
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.inspection.preview_cells import contrast, light, picture, read_times, thinned
from exengine_ome_tiff.inspection.preview_layout import in_grid, in_mosaic, in_rows
from exengine_ome_tiff.inspection.preview_page import round_length
from exengine_ome_tiff.inspection.preview_plate import incomplete_wells, on_plate, wells_of
from exengine_ome_tiff.text_format import duration_text, length_text

RAMP = np.arange(64, dtype="u2")[None, :].repeat(64, 0)


def read_row(data, image, columns, z, cell_px):
    """Read time points of an image, evenly chosen."""
    return read_times(data, image, thinned(image.layout.sizes["T"], columns), z, cell_px)


def put(path, frames, **options):
    with TiffStorage(path, **options) as storage:
        for place, pixels in frames:
            storage.put(place, pixels)
    return path


def pixels_of(sheet):
    image = Image.open(io.BytesIO(sheet.encoded))
    assert image.size == (sheet.width, sheet.height)
    return np.asarray(image.convert("RGB")).astype(int)


def colours(path, image=0, column=0, **options):
    """Return the pixels of a cell."""
    with OpenDataset(path) as data:
        row = read_row(data, data.images[image], options.get("columns", 6), options.get("z", "middle"), 64)
        return picture(row, row.cells[column], contrast([row]))


def test_channels_are_merged_in_their_colours(tmp_path):
    path = put(
        tmp_path / "a.ome.tiff",
        [({"channel": "GFP"}, RAMP), ({"channel": "Texas Red"}, RAMP[:, ::-1].copy())],
    )
    drawn = colours(path)
    assert drawn.shape == (64, 64, 3)
    assert drawn[0, 0].tolist() == [255, 0, 0]
    assert drawn[0, -1].tolist() == [0, 255, 0]


def test_two_channels_without_a_colour_are_not_both_white(tmp_path):
    path = put(tmp_path / "a.ome.tiff", [({"channel": c}, RAMP) for c in ("x", "y")])
    with OpenDataset(path) as data:
        first, second = (
            channel.color for channel in read_row(data, data.images[0], 1, "middle", 64).channels
        )
    assert first != second
    assert (255, 255, 255) not in (first, second)


def test_the_middle_of_z_and_the_maximum(tmp_path):
    stack = [np.zeros((64, 64), "u2") for _ in range(5)]
    for z, plane in enumerate(stack):
        plane[:, z * 10 : z * 10 + 10] = 100
    path = put(tmp_path / "z.ome.tiff", [({"z": z}, plane) for z, plane in enumerate(stack)])
    assert np.flatnonzero(colours(path)[0, :, 0]).tolist() == list(range(20, 30))
    assert np.flatnonzero(colours(path, z="max")[0, :, 0]).tolist() == list(range(50))
    gap = put(
        tmp_path / "gap.ome.tiff",
        [({"z": z, "time": t}, stack[z]) for z, t in ((0, 0), (1, 0), (4, 0), (2, 1))],
    )
    assert np.flatnonzero(colours(gap)[0, :, 0]).tolist() == list(range(10, 20))


def test_time_points_are_thinned_evenly(tmp_path):
    path = put(tmp_path / "t.ome.tiff", [({"time": t}, np.full((64, 64), t, "u1")) for t in range(100)])
    with OpenDataset(path) as data:
        cells = read_row(data, data.images[0], 4, "middle", 64).cells
    assert [(cell.caption, cell.planes[0].mean()) for cell in cells] == [
        ("t=0", 0),
        ("t=33", 33),
        ("t=66", 66),
        ("t=99", 99),
    ]
    sheet = preview(path, columns=4)
    assert (sheet.times, sheet.all_times, sheet.images, sheet.all_images) == (4, 100, 1, 1)
    frames = [({"position": t % 2, "time": t}, np.full((64, 64), t, "u1")) for t in range(8)]
    sheet = preview(put(tmp_path / "alternating.ome.tiff", frames))
    assert (sheet.times, sheet.all_times) == (6, 8)  # each image has four
    assert thinned(3, 6) == [0, 1, 2]
    assert thinned(5, 1) == [0]


def test_rgb_is_shown_unchanged(tmp_path):
    pixels = np.zeros((64, 64, 3), "u1")
    pixels[...] = (200, 10, 90)
    packed = np.full((64, 64), 0x00C80A5A, "u4")
    with TiffStorage(tmp_path / "rgb.ome.tiff") as storage:
        storage.put({"camera": "a"}, pixels)
        storage.put({"camera": "b"}, packed, {"PixelType": "RGB32"})
    for image in (0, 1):
        assert colours(tmp_path / "rgb.ome.tiff", image)[5, 5].tolist() == [200, 10, 90]


@pytest.mark.parametrize("dtype", ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "f2", "f4", "f8", "c8"])
def test_all_pixel_types_from_black_to_white(tmp_path, dtype):
    path = put(tmp_path / "a.ome.tiff", [({}, (RAMP > 31).astype(dtype))])
    drawn = colours(path)
    assert drawn[0, 0].tolist() == [0, 0, 0]
    assert drawn[0, -1].tolist() == [255, 255, 255]


def test_nan_and_infinity(tmp_path):
    pixels = RAMP.astype("f4")
    pixels[:, :10], pixels[:, 60:] = np.nan, np.inf
    drawn = colours(put(tmp_path / "a.ome.tiff", [({}, pixels)]))
    assert (drawn[0, 0, 0], drawn[0, -1, 0]) == (0, 255)


def test_missing_planes_are_marked(tmp_path):
    frames = [({"time": t, "channel": c}, RAMP) for t in range(2) for c in ("GFP", "RFP")]
    whole = put(tmp_path / "whole.ome.tiff", frames)
    path = put(tmp_path / "gone.ome.tiff", frames[:3])
    with OpenDataset(path) as data:
        planes = [cell.planes for cell in read_row(data, data.images[0], 6, "middle", 64).cells]
    assert [[plane is not None for plane in each] for each in planes] == [[True, True], [True, False]]
    grey = (42, 46, 55)  # the color of missing planes

    def has_grey(sheet):
        return (pixels_of(sheet) == grey).all(axis=2).sum() > 100

    assert not has_grey(preview(whole))
    assert has_grey(preview(path))


def test_a_time_point_without_any_plane_of_a_modulo_axis(tmp_path):
    frames = [({"time": t, "angle": a}, RAMP) for t, a in ((0, 0), (0, 90), (1, 0))]
    path = put(tmp_path / "m.ome.tiff", frames, fold_axes={"angle": "T"})
    with OpenDataset(path) as data:
        cells = read_row(data, data.images[0], 6, "middle", 64).cells
        assert picture(read_row(data, data.images[0], 6, "middle", 64), cells[3], {}) is None
    drawn = pixels_of(preview(path))
    assert (drawn == (42, 46, 55)).all(axis=2).sum() > 20_000, "a cell that is crossed out"
    assert [cell.caption for cell in cells] == ["t=0 angle 0", "t=0 angle 90", "t=1 angle 0", "t=1 angle 90"]


def test_a_scale_bar_needs_a_pixel_size(tmp_path):
    rows = []
    for number, options in enumerate(({}, {"pixel_size_um": 0.5})):
        path = put(tmp_path / f"{number}.ome.tiff", [({}, RAMP)], **options)
        lit = (pixels_of(preview(path, cell_px=64)) == (242, 242, 242)).all(axis=2)
        # 64 pixels of 0.5 um: 10 um are 20 pixels, after the margin
        rows.append((lit[:, 14:34].all(axis=1) & ~lit[:, 34]).sum())
    assert rows == [0, 4]


def test_scale_bars_have_round_lengths():
    assert [round_length(value) for value in (12.8, 5, 1.99, 0.03)] == [10, 5, 1, 0.02]
    assert [length_text(value) for value in (0.5, 20, 1000)] == ["500 nm", "20 µm", "1 mm"]


@pytest.mark.parametrize("name", ["a", "細胞 мой Ω \U0001f52c", "x" * 300, "a\nb\x07c", "\u202eabc"])
def test_any_name(tmp_path, name):
    path = put(tmp_path / "n.ome.tiff", [({"position": name, "channel": name}, RAMP)])
    sheet = preview(path, format="JPEG")
    assert Image.open(io.BytesIO(sheet.encoded)).format == "JPEG"
    assert sheet.width == 520


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (700, 900)])
def test_any_shape(tmp_path, shape):
    sheet = preview(put(tmp_path / "s.ome.tiff", [({}, np.ones(shape, "u1"))], pixel_size_um=1))
    assert sheet.height < 400


def test_before_a_dataset_is_finished(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0, "channel": "GFP"}, RAMP)
        storage.flush()
        assert colours(tmp_path / "run.ome.tiff")[0, -1].tolist() == [0, 255, 0]


def test_hundreds_of_positions(tmp_path):
    path = put(tmp_path / "p.ome.tiff", [({"position": p}, np.full((4, 4), p, "u2")) for p in range(300)])
    sheet = preview(path, images=5)
    assert (sheet.images, sheet.all_images) == (5, 300)


def test_dark_colours_are_made_lighter():
    assert light((0, 255, 0)).tolist() == [0, 1, 0]
    blue = light((0, 0, 255))
    assert blue[2] == 1
    assert blue @ [0.2126, 0.7152, 0.0722] == pytest.approx(0.2)


@pytest.mark.parametrize("options", [{"images": 0}, {"columns": 0}, {"cell_px": 31}, {"cell_px": 2000}])
def test_invalid_options(tmp_path, options):
    with pytest.raises(ValueError, match="images and columns must be"):
        preview(tmp_path, **options)


def test_no_dataset(tmp_path):
    with pytest.raises(OmeTiffError):
        preview(tmp_path)


def test_a_downsampled_cell_has_larger_pixels(tmp_path):
    path = put(tmp_path / "wide.ome.tiff", [({}, np.zeros((50, 128), "u1"))], pixel_size_um=0.5)
    with OpenDataset(path) as data:
        assert read_row(data, data.images[0], 1, "middle", 64).pixel_um == 1.0
        assert read_row(data, data.images[0], 1, "middle", 256).pixel_um == 0.25


def test_a_caption_has_the_time_of_the_first_plane(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for time in range(2):
            for number, channel in enumerate(("DAPI", "GFP")):
                told = {"ElapsedTime-ms": 60_000.0 * time + 20_000 * number}
                storage.put({"time": time, "channel": channel}, RAMP, told)
    with OpenDataset(path) as data:
        captions = [cell.caption for cell in read_row(data, data.images[0], 2, "middle", 64).cells]
    assert [caption.partition("(")[2].rstrip(")") for caption in captions] == [
        duration_text(0),
        duration_text(60),
    ]


def test_hardly_any_pixel_is_saturated(tmp_path):
    path = put(tmp_path / "run.ome.tiff", [({}, np.arange(4096, dtype="u2").reshape(64, 64))])
    drawn = colours(path)
    assert 0 < (drawn[..., 0] >= drawn.max()).mean() < 0.02
    assert (drawn[..., 0] == 0).mean() < 0.03


GREY, ORANGE = (42, 46, 55), (255, 154, 60)
WHITE = np.full((64, 64), 255, "u1")


def test_a_plate_is_a_map_with_empty_and_incomplete_wells(tmp_path):
    path = tmp_path / "plate.ome.tiff"
    with TiffStorage(
        path, plate=PlateInfo({"p": "A1", "q": "C4", "gone": "B2"}, rows=3, columns=4)
    ) as storage:
        for position in "pq":
            storage.put({"position": position, "channel": "GFP", "time": 0}, WHITE)
        storage.put({"position": "p", "channel": "RFP", "time": 0}, WHITE)
        storage.put({"position": "p", "channel": "GFP", "time": 1}, WHITE)
        storage.put({"position": "p", "channel": "RFP", "time": 1}, WHITE)
        storage.put({"position": "q", "channel": "RFP", "time": 1}, WHITE)
    sheet = preview(path, cell_px=64)
    pixels, step = pixels_of(sheet), 64 + 6
    outlined = (pixels == GREY).all(axis=2)
    marked = (pixels == ORANGE).all(axis=2)
    left = 14 + 30
    top = np.flatnonzero(outlined[:, left + step + 30])[0]
    for row in range(3):
        for column in range(4):
            corner = left + column * step, top + row * step
            edge = slice(corner[1], corner[1] + 64), slice(corner[0], corner[0] + 64)
            if (row, column) in ((0, 0), (2, 3)):
                assert pixels[edge].max() >= 128
            elif (row, column) != (1, 1):
                assert outlined[edge].sum() == 4 * 63
            assert marked[edge].any() == ((row, column) in ((1, 1), (2, 3)))
    assert (sheet.images, sheet.all_images) == (2, 2)
    with OpenDataset(path) as data:
        corner = on_plate(data, "middle", 90).cells[0].at
        assert np.subtract(corner, on_plate(data, "middle", 64).cells[0].at).tolist() == [13, 13], "centred"
    whole = [({"well": well, "channel": channel}, WHITE) for well in ("A1", "A2", "B3") for channel in "xy"]
    path = put(tmp_path / "channel.ome.tiff", whole[:-1])
    with OpenDataset(path) as data:
        assert incomplete_wells(wells_of(data)[1]) == {(1, 2)}, "without a channel that others have"


def test_tiles_are_a_mosaic_by_stage_position_and_by_row_and_column(tmp_path):
    """Four tiles of a picture, put in any order, form the picture again."""
    whole = np.arange(128 * 128).reshape(128, 128).astype("u2")
    tiles = {(row, column): whole[row * 64 :, column * 64 :][:64, :64] for row in (0, 1) for column in (1, 0)}
    for number in range(2):
        path = tmp_path / f"{number}.ome.tiff"
        with TiffStorage(path, pixel_size_um=0.5) as storage:
            for index, ((row, column), pixels) in enumerate(tiles.items()):
                at = {"row": row, "column": column} if number else {"position": index}
                told = {} if number else {"XPositionUm": 32.0 * column, "YPositionUm": 32.0 * row}
                storage.put(at, pixels, told)
        with OpenDataset(path) as data:
            body = in_mosaic(data, data.images, "middle", 64)
            assert body.size[0] == body.size[1] == 2 * body.cells[0].row.size[0]
            page = np.zeros((body.size[1], body.size[0]))
            for placed in body.cells:
                (x, y), (width, height) = placed.at, placed.row.size
                page[y : y + height, x : x + width] = placed.cell.planes[0]
        factor = len(page) // 128
        assert (page[::factor, ::factor] == whole).all()
        assert preview(path).images == 4
    far = put(tmp_path / "far.ome.tiff", [({"position": p}, RAMP) for p in range(3)], pixel_size_um=0.5)
    with OpenDataset(far) as data:
        assert in_mosaic(data, data.images, "middle", 64) is None


def test_columns_are_time_points_and_a_skipped_one_is_empty(tmp_path):
    frames = [({"position": p, "time": t}, RAMP) for p, t in ((0, 0), (0, 5), (0, 7), (1, 5))]
    path = put(tmp_path / "run.ome.tiff", frames)
    with OpenDataset(path) as data:
        body = in_rows(data, data.images, None, 6, "middle", 64)
    places = [(placed.cell.caption, placed.at[0]) for placed in body.cells]
    x = [place for _, place in places]
    assert [caption for caption, _ in places] == ["t=0", "t=5", "t=7", "t=5"]
    assert x[0] < x[1] < x[2]
    assert x[3] == x[1]
    assert (body.images, body.times) == (2, 3)


def test_one_time_point_fills_the_page(tmp_path):
    path = put(tmp_path / "run.ome.tiff", [({"position": p}, RAMP) for p in range(20)], pixel_size_um=1)
    with OpenDataset(path) as data:
        body = in_grid(data, data.images, None, 6, "middle", 64)
    columns = {placed.at[0] for placed in body.cells}
    rows = {placed.at[1] for placed in body.cells}
    assert (len(columns), len(rows), body.images) == (6, 4, 20)
    assert preview(path, cell_px=64, images=7).images == 7
    lit_rows = (pixels_of(preview(path, cell_px=64)) == (242, 242, 242)).all(axis=2)[:, 14:30].all(axis=1)
    assert lit_rows.sum() == 4, "one scale bar"


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib"}, {"tile": (64, 64), "compression": "zlib"}], ids=str
)
@pytest.mark.parametrize("z", ["middle", "max"])
def test_large_planes_are_read_in_bands(tmp_path, monkeypatch, options, z):
    pixels = np.random.default_rng(0).integers(0, 60_000, (3, 331, 257), "u2")
    path = put(tmp_path / "a.ome.tiff", [({"z": n}, pixels[n]) for n in range(3)], **options)
    with OpenDataset(path) as data:
        (whole,) = read_row(data, data.images[0], 1, z, 50).cells[0].planes
        reads = []
        monkeypatch.setattr(preview_cells, "BAND_BYTES", 20_000)
        read_page = preview_cells.read_page
        monkeypatch.setattr(preview_cells, "read_page", lambda *of: reads.append(of[3]) or read_page(*of))
        (banded,) = read_row(data, data.images[0], 1, z, 50).cells[0].planes
    assert banded.shape == (50, 39)
    np.testing.assert_allclose(banded, whole, rtol=1e-5)
    assert max(window.bottom - window.top for window in reads) < 60


def test_a_preview_of_large_planes_is_made_from_the_smallest_copy_that_serves(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 60_000, (512, 384), "u2")
    path = put(tmp_path / "a.ome.tiff", [({"time": 0}, pixels)], pyramid_levels=3)
    with tifffile.TiffFile(path) as tif:
        copies = tif.series[0].levels
        for level in (0, 1, 3):  # what should not be read
            with path.open("r+b") as file:
                for at, nbytes in zip(
                    copies[level].keyframe.dataoffsets, copies[level].keyframe.databytecounts, strict=True
                ):
                    file.seek(at)
                    file.write(bytes(nbytes))
    monkeypatch.setattr(preview_cells, "BAND_BYTES", 20_000)
    with OpenDataset(path) as data:
        (plane,) = read_row(data, data.images[0], 1, "middle", 100).cells[0].planes
    assert plane.shape == (100, 75)
    assert abs(plane.mean() - pixels.mean()) < 300

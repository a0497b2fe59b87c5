"""Pyramid levels of frames, as Bio-Formats, tifffile and libvips see them."""

import itertools
import tracemalloc

import numpy as np
import pytest
import tifffile

from acquisitions import frames_at, nested, put_all
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.tiff import halved
from exengine_ome_tiff.writing import recorder
from frames import frame
from readers.check import assert_readers_agree

pyvips = pytest.importorskip("pyvips", reason="pyvips comes with the extra `test`")


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("samples", [(), (3,)])
def test_a_pyramid_with_gaps(tmp_path, caplog, bioformats, samples, tile):
    path = tmp_path / "run.ome.tiff"
    put = frames_at(nested(position=("a", "b"), time=(0, 1), z=(0, 1))[:-1], (70, 37, *samples), "u1")
    with TiffStorage(path, pyramid_levels=3, tile=tile) as storage:
        put_all(storage, put)
    assert_readers_agree(path, put, caplog)
    planes = {tuple(place.values()): array.astype(float) for place, array in put}
    with bioformats(path) as reader, tifffile.TiffFile(path) as tif:
        for number, (series, levels) in enumerate(zip(reader.series, tif.series, strict=True)):
            assert (series.resolution_count, len(levels.levels)) == (4, 4)
            axes = levels.levels[0].get_axes(squeeze=False)
            assert not levels.keyframe.is_reduced
            assert all(page.is_reduced for page in levels.keyframe.pages)
            for level, (height, width) in enumerate([(70, 37), (35, 18), (17, 9), (8, 4)]):
                stack = levels.levels[level].asarray(squeeze=False)
                stack = np.moveaxis(stack, [axes.index("T"), axes.index("Z")], [0, 1])
                for time, z in nested_pairs(2, 2):
                    got = stack[time, z].reshape(height, width, *samples)
                    index = z + 2 * time if series.dimension_order.index("Z") == 2 else time + 2 * z
                    seen = reader.plane_index(number, index, resolution=level)
                    np.testing.assert_array_equal(seen, got)
                    whole = planes.get((series.name, time, z), np.zeros((70, 37, *samples)))
                    np.testing.assert_allclose(got, means(whole, level), atol=level)
        assert reader.warnings == []


def nested_pairs(first, second):
    return itertools.product(range(first), range(second))


def means(image, level):
    """Average blocks of 2 x 2 pixels once per level."""
    for _ in range(level):
        image = image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2]
        image = sum(image[row::2, column::2] for row in (0, 1) for column in (0, 1)) / 4
    return image


@pytest.mark.parametrize("coding", [{}, {"compression": "zlib"}, {"compression": "lzw", "predictor": True}])
@pytest.mark.parametrize(("samples", "dtype"), [((), "u2"), ((), "f4"), ((3,), "u1")])
def test_libvips_finds_the_pyramid_levels(tmp_path, samples, dtype, coding):
    path = tmp_path / "run.ome.tiff"
    put = frames_at(nested(time=(0, 1, 2)), (90, 70, *samples), dtype)
    with TiffStorage(path, pyramid_levels=2, tile=(32, 32), **coding) as storage:
        put_all(storage, put)
    with tifffile.TiffFile(path) as tif:
        levels = [level.asarray() for level in tif.series[0].levels]
    for page in range(3):
        whole = pyvips.Image.new_from_file(str(path), page=page)
        assert (whole.get("n-pages"), whole.get("n-subifds")) == (3, 2)
        np.testing.assert_array_equal(whole.numpy(), levels[0][page])
        for number, level in enumerate(levels[1:]):
            copy = pyvips.Image.new_from_file(str(path), page=page, subifd=number)
            np.testing.assert_array_equal(copy.numpy(), level[page])


@pytest.mark.parametrize(
    ("shape", "levels"),
    [
        ((3192, 3193), [(3192, 3193), (1596, 1596), (798, 798)]),
        ((2000, 5095), [(2000, 5095), (1000, 2547), (500, 1273), (250, 636)]),
        ((3192, 3192), [(3192, 3192)]),
        ((20, 4097), [(20, 4097)]),
        ((9, 9), [(9, 9)]),
    ],
)
def test_large_frames_get_a_pyramid_by_default(tmp_path, shape, levels):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pyramid_levels="auto") as storage:
        storage.put({"time": 0}, np.ones(shape, np.uint16))
        storage.put({"time": 0, "camera": "small"}, np.ones((8, 8), np.uint16))
    with tifffile.TiffFile(path) as tif:
        assert [level.shape for level in tif.series[0].levels] == levels
        assert [level.shape for level in tif.series[1].levels] == [(8, 8)]
        assert tif.series[0].keyframe.is_tiled == (max(shape) > 512)


@pytest.mark.usefixtures("bioformats")
def test_repeated_finish_adds_the_missing_levels(tmp_path, monkeypatch, caplog):
    path = tmp_path / "run.ome.tiff"
    put = frames_at(nested(time=range(3)), (40, 40))
    monkeypatch.setattr(recorder, "add_in_pause", lambda *_: None)  # of no frame, not even the first one
    storage = TiffStorage(path, pyramid_levels=2)
    for place, array in put:
        storage.put(place, array)
    storage.flush()
    writes = itertools.count()
    write = tifffile.TiffWriter.write

    def failing(self, *arguments, **how):
        if next(writes) == 3:
            raise OSError(28, "no space left on device")
        return write(self, *arguments, **how)

    monkeypatch.setattr(tifffile.TiffWriter, "write", failing)
    with pytest.raises(OSError, match="space"):
        storage.finish()
    storage.finish()
    storage.close()
    assert next(writes) == 7  # six levels, one of them tried twice
    assert_readers_agree(path, put, caplog)
    with tifffile.TiffFile(path) as tif:
        assert [level.shape for level in tif.series[0].levels] == [(3, 40, 40), (3, 20, 20), (3, 10, 10)]


@pytest.mark.parametrize("levels", [0, -1, 1.5, "many"])
def test_invalid_numbers_of_levels_are_refused(tmp_path, levels):
    with pytest.raises(ValueError, match="pyramid_levels"):
        TiffStorage(tmp_path / "run.ome.tiff", pyramid_levels=levels)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_in_put", [True, False])
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_finish_takes_less_memory_than_a_third_of_a_frame(tmp_path, monkeypatch, compression, is_in_put):
    with TiffStorage(tmp_path / "first.ome.tiff") as storage:
        storage.put({}, np.zeros((8, 8), np.uint8))  # `finish` imports modules once
    pixels = np.resize(frame({"time": 0}, (999, 8000), "u1"), (8001, 8000))
    storage = TiffStorage(tmp_path / "run.ome.tiff", pyramid_levels="auto", compression=compression)
    if not is_in_put:
        monkeypatch.setattr(recorder, "add_in_pause", lambda *_: None)
        storage.put({"time": 0}, pixels)
    tracemalloc.start()
    try:
        if is_in_put:
            storage.put({"time": 0}, pixels)
        storage.close()
        _, most_nbytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_nbytes < 0.3 * pixels.nbytes
    with tifffile.TiffFile(tmp_path / "run.ome.tiff") as tif:
        for level in tif.series[0].levels[1:]:
            pixels = halved(pixels)
            np.testing.assert_array_equal(level.asarray(), pixels)

"""Display of a storage: images, one line, and the notebook table."""

import base64
import io
import re
import tracemalloc
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from acquisitions import frames_at, nested
from exengine_ome_tiff import ChannelInfo, TiffStorage
from exengine_ome_tiff.dataset import recording
from exengine_ome_tiff.tiff import pixels as pixel_formats
from exengine_ome_tiff.viewers import thumbnails


class Cells(HTMLParser):
    """Collects the text of table cells, and asserts that each tag is closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.rows, self.tags = [], [], set()
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, _attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.rows and {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data


def stored(path, put, **options):
    storage = TiffStorage(path, **options)
    for at, pixels in put:
        storage.put(at, pixels)
    return storage


def test_images_list_their_axes(tmp_path):
    put = frames_at(nested(position=("A1", "B2"), time=(0, 5), channel=("b", "a"), z=(3, -3)))
    with stored(tmp_path / "run", put[:-1]) as storage:
        first, second = storage.images
        assert (first.name, first.coordinates, first.n_frames, second.n_frames) == (
            "A1",
            {"position": "A1"},
            8,
            7,
        )
        assert first.axes == {"time": (0, 5), "channel": ("b", "a"), "z": (-3, 3)}
        assert [*first.axes] == ["time", "channel", "z"]
        storage.put({"position": "C3"}, np.zeros((4, 4, 3), np.uint8))
        third = storage.images[2]
        assert (third.axes, third.sizes["S"]) == ({}, 3)


def test_the_line_shows_path_state_and_images(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    path = repr(str(tmp_path / "run.ome.tiff"))
    assert repr(storage) == f"<TiffStorage {path}, writing, 0 frames>"
    storage.put({"time": 0}, np.zeros((5, 7), np.uint16))
    assert repr(storage) == f"<TiffStorage {path}, writing, 1 frame>"
    storage.finish()
    one = "1 frame, 1 image: 'run' time=1 y=5 x=7 uint16>"
    assert repr(storage) == f"<TiffStorage {path}, finished, {one}"
    storage.close()
    assert repr(storage) == f"<TiffStorage {path}, closed, {one}"
    with stored(tmp_path / "many", frames_at(nested(position=range(30)))) as many:
        many.finish()
        assert "30 images: 'position 0' y=5" in repr(many)
        assert repr(many).endswith("; ...>")
        assert "\n" not in repr(many)


def test_the_line_is_fast_during_a_run(tmp_path, monkeypatch):
    with (
        stored(tmp_path / "run.ome.tiff", frames_at(nested(time=(0, 1)))) as storage,
        monkeypatch.context() as patch,
    ):
        patch.setattr(recording, "stored_images", lambda *_: pytest.fail("all frames are laid out"))
        assert "2 frames" in repr(storage)


def test_the_table_has_a_row_for_each_image(tmp_path):
    put = frames_at(nested(position=("A1", "<b>&\n"), time=range(20), channel=("DAPI", "GFP")))
    with stored(tmp_path / "run.ome.tiff", put[:-1]) as storage:
        cells = Cells(storage._repr_html_())
        head, first, second = cells.rows
        assert len(head) == len(first) == 6
        assert first[1] == "A1position = A1"
        assert first[2] == "time 20: 0, 1, 2, 3, 4, 5, ..., 19channel 2: DAPI, GFP"
        assert first[3:] == ["5 x 7", "uint16", "40"]
        assert second[1].startswith("<b>&")
        assert second[5] == "39 of 40"
        assert cells.tags <= {"table", "caption", "b", "br", "thead", "tbody", "tr", "th", "td", "img"}
        assert "79 frames in 2 images, writing" in storage._repr_html_()
        assert "&lt;b&gt;&amp;" in storage._repr_html_()
        storage.finish()
        assert "finished" in storage._repr_html_()


def test_the_table_does_not_repeat_labels_in_the_name(tmp_path):
    with stored(tmp_path / "run.ome.tiff", frames_at(nested(well=("A1",), field=(0, 1)))) as storage:
        _, first, second = Cells(storage._repr_html_()).rows
        assert (first[1], second[1]) == ("A1, field 0well = A1", "A1, field 1well = A1")


def test_the_table_shows_thumbnails_colours_and_pixel_sizes(tmp_path):
    path = tmp_path / "run.ome.tiff"
    channels = {"DAPI": ChannelInfo("blue"), "GFP": ChannelInfo("#00ff00")}
    with TiffStorage(path, pixel_size_um=0.5, channels=channels) as storage:
        for position in ("A", "B"):
            for number, channel in enumerate(channels):
                for z in range(3):
                    pixels = np.zeros((200, 100), np.uint16)
                    pixels[:, 50 * number : 50 * number + 50] = 1000 * (z == 1)
                    storage.put({"position": position, "channel": channel, "z": z}, pixels)
        running = storage._repr_html_()
    with TiffStorage.open(path) as storage:
        page = storage._repr_html_()
    closed = storage._repr_html_()
    assert "<img" not in closed
    for text in (running, page):
        assert Cells(text).rows[1][3] == "200 x 1000.5 µm"
        assert 'solid #0000ff">DAPI</b>, <b style="border-bottom: 3px solid #00ff00">GFP</b>' in text
        pictures = re.findall(r'src="data:image/png;base64,([^"]*)"', text)
        assert len(pictures) == 2
        with Image.open(io.BytesIO(base64.b64decode(pictures[1]))) as shown:
            assert (shown.size, shown.mode) == ((25, 50), "RGB")
            assert [shown.getpixel((x, 30)) for x in (3, 20)] == [(35, 35, 255), (0, 255, 0)]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=str)
def test_thumbnails_of_large_frames_are_made_in_bands(tmp_path, monkeypatch, options):
    frame = np.random.default_rng(0).integers(0, 60_000, (1111, 1024), "u2")
    with TiffStorage(tmp_path / "run.ome.tiff", **options) as storage:
        storage.put({"time": 0}, frame)
        whole = storage._repr_html_()
        assert "<img" in whole
        for module in (pixel_formats, thumbnails):
            monkeypatch.setattr(module, "BAND_BYTES", 100_000)
        tracemalloc.start()
        assert storage._repr_html_() == whole
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < frame.nbytes / 2


def test_the_table_of_many_images_stays_short(tmp_path):
    with stored(tmp_path / "run.ome.tiff", frames_at(nested(place=range(60)))) as storage:
        rows = Cells(storage._repr_html_()).rows
        assert len(rows) == 52
        assert rows[-1] == ["and 10 more images"]
    with stored(tmp_path / "50.ome.tiff", frames_at(nested(place=range(50)))) as storage:
        rows = Cells(storage._repr_html_()).rows
        assert len(rows) == 51
        assert rows[-1][0] == "49"


def test_images_are_laid_out_again_only_for_new_frames(tmp_path, monkeypatch):
    calls = []
    lay_out = recording.stored_images
    monkeypatch.setattr(recording, "stored_images", lambda *given: calls.append(1) or lay_out(*given))
    with stored(tmp_path / "run.ome.tiff", frames_at(nested(time=(0, 1)))) as storage:
        assert storage.images[0].n_frames == storage.images[0].n_frames == 2
        assert len(calls) == 1
        storage.put({"time": 1}, np.zeros((9, 9), np.uint8))
        assert [image.sizes["Y"] for image in storage.images] == [5, 9]
        assert len(calls) == 2

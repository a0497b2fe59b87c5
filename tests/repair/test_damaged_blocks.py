"""A block of an unfinished file that did not reach the disk whole ends the journal before it."""

from __future__ import annotations

import pytest

from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff import chain
from frames import assert_same, frame


def last_ifd(path):
    with path.open("rb") as file:
        return [*chain.walk(file, chain.first_offset(file))][-1]


def change_digit(data, _):
    """Change the metadata of the last frame, which stays valid JSON."""
    at = data.rindex(b'"number":3') + len(b'"number":')
    data[at : at + 1] = b"7"


def clear_note(data, _):
    """Clear some of the text in the last frame's metadata."""
    at = data.rindex(b"xxxxxx")
    data[at : at + 3] = bytes(3)


def swap_tags(data, ifd):
    """Swap the first two tags of the last page."""
    at, size = ifd.offset + chain.OFFSET.size, chain.ENTRY.size
    first, second = data[at : at + size], data[at + size : at + 2 * size]
    data[at : at + 2 * size] = second + first


@pytest.mark.parametrize("damage", [change_digit, clear_note, swap_tags])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=str)
def test_a_damaged_last_block_is_left_out(tmp_path, damage, options):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, **options)
    for number in range(4):
        place = {"time": number}
        storage.put(place, frame(place), {"number": number, "note": "x" * 20})
        storage.flush()  # so that each frame has a block
    storage.suspend()
    data = bytearray(path.read_bytes())
    damage(data, last_ifd(path))
    path.write_bytes(data)
    assert recover(path).n_frames == 3
    assert validate(path) == []
    with TiffStorage.open(path) as reader:
        for place in reader.get_image_coordinates_list():
            assert_same(reader[place], frame(place))
            assert reader.get_metadata(place)["number"] == place["time"]

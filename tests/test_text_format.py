"""Human-readable text: no Python literals of bytes or coordinates in messages."""

import pytest

from exengine_ome_tiff import OmeTiffError
from exengine_ome_tiff.coordinates.keys import place_text
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.names import decode_names
from exengine_ome_tiff.dataset.records import decode_head, decode_metadata
from exengine_ome_tiff.text_format import excerpt_text


@pytest.mark.parametrize("read", [decode_head, decode_metadata, decode_names, Header.decode])
def test_bytes_that_are_not_a_record_are_shown_as_text(read):
    with pytest.raises(OmeTiffError, match=r': "no \\xff\\nJSON"$'):
        read(b"no \xff\nJSON")


def test_only_the_start_of_long_data_is_shown():
    assert excerpt_text(b"x" * 1000) == f'"{"x" * 80}"'


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"time": 0, "channel": "a"}, "time=0,channel=a"),
        ({"z": "0"}, 'z="0"'),
        ({}, "no coordinates"),
        (3, "3"),
    ],
)
def test_coordinates_in_messages(given, text):
    assert place_text(given) == text

"""Checksums of pixels as other programs would compute them."""

import numpy as np

from exengine_ome_tiff.tiff.checksums import checksum, is_right


def test_checksums_have_known_values():
    digits = np.frombuffer(b"123456789", np.uint8)
    assert checksum("crc32", [digits]) == "crc32:cbf43926"  # the check value of CRC-32
    assert checksum("sha256", [digits]).startswith("sha256:15e2b0d3c33891ebb0f1ef609ec41942")


def test_leading_zeros_are_kept():
    found = [checksum("crc32", [np.array([value], np.uint16)]) for value in range(1000)]
    assert {len(each) for each in found} == {len("crc32:") + 8}
    assert any(each.startswith("crc32:0") for each in found)


def test_each_digit_counts():
    pixels = np.arange(100, dtype=np.uint8)
    for algorithm in ("crc32", "sha1", "sha256"):
        right = checksum(algorithm, [pixels])
        assert is_right(right, [pixels[:33], pixels[33:]])
        assert not is_right(f"{right[:-1]}{'1' if right[-1] == '0' else '0'}", [pixels])

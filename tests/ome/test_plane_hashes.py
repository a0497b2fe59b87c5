"""HashSHA1 of planes: SHA-1 of the bytes that other readers see, however the pages are stored."""

import hashlib

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage, convert, recover, validate
from readers.bioformats import validate_xml

CODINGS = [{}, {"compression": "zlib", "predictor": True, "tile": (16, 16), "pyramid_levels": 1}]


def frame(number, kind):
    pixels = np.random.default_rng(number).integers(0, 200, (32, 40, 3) if kind == "rgb" else (32, 40))
    return pixels.astype({"rgb": np.uint8, "big": ">u2", "float": np.float32}[kind])


def sha1(pixels):
    """Return SHA-1 of the bytes of pixels, little-endian."""
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return hashlib.sha1(little.tobytes()).hexdigest()  # noqa: S324 - what OME has


def record(path, **options):
    """Put frames of three kinds out of order and one of them twice; leave out one plane."""
    storage = TiffStorage(path, fsync=False, checksums="sha1", **options)
    for number, time in enumerate((3, 0, 1, 1)):
        for position in ("big", "float", "rgb"):
            storage.put({"position": position, "time": time, "z": 0}, frame(number, position))
    storage.put({"position": "float", "time": 3, "z": 1}, frame(9, "float"))
    return storage


def hashes(xml):
    """Return HashSHA1 of the planes of each image, by Z, C, T."""
    return {
        image.name: {
            (plane.the_z, plane.the_c, plane.the_t): None
            if plane.hash_sha1 is None
            else plane.hash_sha1.hex()
            for plane in image.pixels.planes
        }
        for image in from_xml(xml).images
    }


@pytest.mark.parametrize("options", CODINGS, ids=["plain", "encoded"])
def test_hashes_match_the_pixels_that_tifffile_and_bioformats_read(tmp_path, bioformats, options):
    path = tmp_path / "run.ome.tiff"
    record(path, **options).close()
    assert validate(path) == []
    found = hashes(tifffile.tiffcomment(path))
    assert {name: len(planes) for name, planes in found.items()} == {"big": 3, "float": 4, "rgb": 3}
    with tifffile.TiffFile(path) as tiff, bioformats(path) as opened:
        assert validate_xml(opened.ome_xml) == []
        assert opened.warnings == []
        pages = iter(tiff.pages)
        for number, image in enumerate(from_xml(tiff.ome_metadata).images):
            slow_first = image.pixels.dimension_order.value[:1:-1]
            sizes = [getattr(image.pixels, f"size_{axis.lower()}") for axis in slow_first]
            sizes = [1 if axis == "C" else size for axis, size in zip(slow_first, sizes, strict=True)]
            for index in np.ndindex(*sizes):
                page, at = next(pages).asarray(), dict(zip(slow_first, index, strict=True))
                digest = found[image.name].get((at["Z"], at["C"], at["T"]))
                if digest is None:
                    assert not page.any()
                    continue
                assert sha1(page) == digest
                if image.name != "rgb":
                    assert sha1(opened.plane(number, at["Z"], at["C"], at["T"])) == digest


def test_hashes_in_folders_and_recovered_and_converted_files(tmp_path):
    names = ("big", "float", "rgb")
    expected = {name: [sha1(frame(number, name)) for number in (1, 3, 0)] for name in names}
    expected["float"].append(sha1(frame(9, "float")))
    for name in ("run", "killed.ome.tiff"):
        record(tmp_path / name).suspend()
        recover(tmp_path / name)
    convert(tmp_path / "run", tmp_path / "copy.ome.tiff", checksums="sha1")
    companion = (tmp_path / "run" / "run.companion.ome").read_bytes()
    xmls = [companion, *(tifffile.tiffcomment(tmp_path / f"{name}.ome.tiff") for name in ("killed", "copy"))]
    for xml in xmls:
        assert {name: sorted(planes.values()) for name, planes in hashes(xml).items()} == {
            name: sorted(digests) for name, digests in expected.items()
        }


def test_other_checksums_are_not_in_the_xml(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, checksums="sha256", fsync=False) as storage:
        storage.put({"time": 0}, frame(0, "big"), {"exposure_ms": 1})
    with TiffStorage(tmp_path / "mixed.ome.tiff", fsync=False, checksums=True) as storage:
        storage.put({"time": 0}, frame(0, "big"))
        storage.suspend()
    with TiffStorage.resume(tmp_path / "mixed.ome.tiff", checksums="sha1") as storage:
        storage.put({"time": 1}, frame(1, "big"))
    assert "HashSHA1" not in tifffile.tiffcomment(path)
    (planes,) = hashes(tifffile.tiffcomment(tmp_path / "mixed.ome.tiff")).values()
    assert planes == {(0, 0, 0): None, (0, 0, 1): sha1(frame(1, "big"))}

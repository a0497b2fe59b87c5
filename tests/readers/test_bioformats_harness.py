"""The Bio-Formats harness itself, on files from plain tifffile."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tifffile

from readers.bioformats import BioFormatsError, open_time, validate_xml

pytestmark = pytest.mark.usefixtures("bioformats")

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def coded(size_t, size_c, size_z, dtype="u2", shape=(5, 7)):
    """Pixels (t, c, z, y, x) that count up from 100 t + 10 c + z."""
    t, c, z = np.ogrid[:size_t, :size_c, :size_z]
    ramp = np.arange(np.prod(shape)).reshape(shape)
    return ((100 * t + 10 * c + z)[..., None, None] + ramp).astype(dtype)


def ome(*images):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{SCHEMA}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{SCHEMA} {SCHEMA}/ome.xsd">' + "".join(images) + "</OME>"
    )


def image(sizes, *, index=0, ifd=0, pages=None, date="", pixels="", channel="", planes="", order="XYZCT"):
    size_x, size_y, size_z, size_c, size_t = sizes
    channels = "".join(
        f'<Channel ID="Channel:{index}:{c}" SamplesPerPixel="1" {channel}/>' for c in range(size_c)
    )
    return (
        f'<Image ID="Image:{index}" Name="image {index}">{date}<Pixels ID="Pixels:{index}" '
        f'DimensionOrder="{order}" Type="uint16" SizeX="{size_x}" SizeY="{size_y}" SizeZ="{size_z}" '
        f'SizeC="{size_c}" SizeT="{size_t}" {pixels}>{channels}'
        f'<TiffData IFD="{ifd}" PlaneCount="{pages or size_z * size_c * size_t}"/>{planes}</Pixels></Image>'
    )


def write(path, xml, *stacks, **options):
    with tifffile.TiffWriter(path, ome=False, **options) as tif:
        for number, stack in enumerate(stacks):
            tif.write(
                stack.reshape(-1, *stack.shape[-2:]),
                description=xml.encode() if number == 0 else None,
                metadata=None,
                photometric="minisblack",
            )
    return path


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_every_pixel_type_is_exact_in_both_byte_orders(bioformats, tmp_path, dtype, byteorder):
    rng = np.random.default_rng(1)
    data = rng.integers(0, 256, (3, 16, 20 * np.dtype(dtype).itemsize), "u1").view(dtype)
    data = np.nan_to_num(data)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "TYX"}, byteorder=byteorder)
    with bioformats(path) as opened:
        (series,) = opened.series
        assert opened.format == "OME-TIFF"
        assert series.is_little_endian == (byteorder == "<")
        for t in range(3):
            plane = opened.plane(0, 0, 0, t)
            assert plane.dtype == series.dtype == np.dtype(dtype).newbyteorder(byteorder)
            assert plane.flags.writeable
            np.testing.assert_array_equal(plane, data[t])
        assert opened.warnings == []


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
def test_rgb_planes_have_their_samples_last(bioformats, tmp_path, planarconfig):
    data = np.random.default_rng(2).integers(0, 256, (2, 5, 7, 3), "u1")
    stored = data if planarconfig == "contig" else np.ascontiguousarray(np.moveaxis(data, -1, 1))
    axes = "TYXS" if planarconfig == "contig" else "TSYX"
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, stored, ome=True, photometric="rgb", planarconfig=planarconfig, metadata={"axes": axes}
    )
    with bioformats(path) as opened:
        (series,) = opened.series
        assert (series.rgb_channel_count, series.size_c, series.effective_size_c) == (3, 3, 1)
        assert series.image_count == 2
        for t in range(2):
            np.testing.assert_array_equal(opened.plane(0, 0, 0, t), data[t])
        assert opened.warnings == []


@pytest.mark.parametrize("order", ["XYZCT", "XYCZT", "XYTZC"])
def test_planes_are_read_by_z_c_t_in_any_dimension_order(bioformats, tmp_path, order):
    data = coded(4, 2, 3)
    stored = data.transpose(*["TCZ".index(axis) for axis in reversed(order[2:])], 3, 4)
    path = write(tmp_path / "a.ome.tif", ome(image((7, 5, 3, 2, 4), order=order)), stored)
    with bioformats(path) as opened:
        (series,) = opened.series
        assert (series.size_x, series.size_y, series.size_z, series.size_c, series.size_t) == (7, 5, 3, 2, 4)
        assert series.dimension_order == order
        assert series.image_count == 24
        for t, c, z in np.ndindex(4, 2, 3):
            np.testing.assert_array_equal(opened.plane(0, z, c, t), data[t, c, z])
        for index, plane in enumerate(stored.reshape(-1, 5, 7)):
            np.testing.assert_array_equal(opened.plane_index(0, index), plane)
        assert opened.warnings == []


def test_series_of_different_shapes_stay_separate(bioformats, tmp_path):
    first, second = coded(2, 1, 3), coded(1, 2, 1, shape=(4, 9)) + 1000
    xml = ome(image((7, 5, 3, 1, 2)), image((9, 4, 1, 2, 1), index=1, ifd=6))
    path = write(tmp_path / "a.ome.tif", xml, first, second.astype("u2"))
    with bioformats(path) as opened:
        assert [(s.name, s.size_x, s.image_count) for s in opened.series] == [
            ("image 0", 7, 6),
            ("image 1", 9, 2),
        ]
        np.testing.assert_array_equal(opened.plane(1, 0, 1, 0), second[0, 1, 0])
        np.testing.assert_array_equal(opened.plane(0, 2, 0, 1), first[1, 0, 2])
        assert opened.used_files == [path]
        assert opened.warnings == []


def test_metadata_come_with_their_units(bioformats, tmp_path):
    planes = (
        '<Plane TheZ="0" TheC="0" TheT="0" DeltaT="0.5" ExposureTime="25" ExposureTimeUnit="ms"'
        ' PositionX="10" PositionXUnit="µm" PositionY="-2.5" PositionYUnit="mm" PositionZ="3"/>'
        '<Plane TheZ="0" TheC="1" TheT="0"/>'
    )
    pixels = (
        'PhysicalSizeX="0.65" PhysicalSizeY="650" PhysicalSizeYUnit="nm" '
        'TimeIncrement="2" TimeIncrementUnit="min"'
    )
    xml = ome(
        image(
            (7, 5, 1, 2, 1),
            date="<AcquisitionDate>2024-05-06T07:08:09</AcquisitionDate>",
            pixels=pixels,
            channel='Name="Größe" Color="-16776961"',
            planes=planes,
        )
    )
    assert validate_xml(xml) == []
    path = write(tmp_path / "a.ome.tif", xml, coded(1, 2, 1))
    with bioformats(path) as opened:
        (series,) = opened.series
        assert series.physical_size_x == (0.65, "µm")
        assert series.physical_size_y == (650.0, "nm")
        assert series.physical_size_z is None
        assert series.time_increment == (2.0, "min")
        assert series.acquisition_date == "2024-05-06T07:08:09"
        assert series.channel_names == ["Größe", "Größe"]
        assert series.channel_colors == [(255, 0, 0, 255)] * 2
        assert series.planes == [
            {
                "the_z": 0,
                "the_c": 0,
                "the_t": 0,
                "delta_t": (0.5, "s"),
                "exposure_time": (25.0, "ms"),
                "position_x": (10.0, "µm"),
                "position_y": (-2.5, "mm"),
                "position_z": (3.0, "reference frame"),
            },
            {
                "the_z": 0,
                "the_c": 1,
                "the_t": 0,
                "delta_t": None,
                "exposure_time": None,
                "position_x": None,
                "position_y": None,
                "position_z": None,
            },
        ]
        assert "Größe" in opened.ome_xml
        assert validate_xml(opened.ome_xml) == []
        assert opened.warnings == []


def test_missing_values_are_none(bioformats, tmp_path):
    path = write(tmp_path / "a.ome.tif", ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1))
    with bioformats(path) as opened:
        (series,) = opened.series
        assert series.physical_size_x is None
        assert series.time_increment is None
        assert series.channel_names == [None]
        assert series.channel_colors == [None]
        assert series.planes == []
        assert series.resolution_count == 1


def bad_file(folder):
    """Write 10 pages and claim 20: Bio-Formats opens it with wrong planes, and only the log shows it."""
    xml = ome(image((7, 5, 1, 2, 10), pages=10))
    return write(folder / "bad.ome.tif", xml, coded(5, 2, 1))


def test_warnings_about_a_bad_file_are_captured_and_not_printed(bioformats, tmp_path, capfd):
    with bioformats(bad_file(tmp_path)) as opened:
        assert opened.warnings[0] == "WARN loci.formats.FormatHandler: Image ID 'Image:0': missing plane #10"
        assert "Using TiffReader to determine the number of planes." in opened.warnings[-1]
        assert len(opened.warnings) == 11
    assert capfd.readouterr() == ("", "")


def test_an_error_includes_the_warnings_before_it(bioformats, tmp_path):
    xml = ome(image((7, 5, 1, 3, 7), pages=6))
    path = write(tmp_path / "a.ome.tif", xml, coded(2, 3, 1))
    with pytest.raises(BioFormatsError, match="ArithmeticException: / by zero") as caught:
        bioformats(path)
    assert len(caught.value.warnings) == 16
    assert "missing plane #6" in caught.value.warnings[0]


def test_a_file_is_not_blamed_for_another_one_open_at_the_same_time(bioformats, tmp_path):
    good = write(tmp_path / "good.ome.tif", ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1))
    with bioformats(good) as first, bioformats(bad_file(tmp_path)) as bad, bioformats(good) as last:
        np.testing.assert_array_equal(first.plane(0, 0, 0, 0), coded(1, 1, 1)[0, 0, 0])
        assert first.warnings == last.warnings == []
        assert len(bad.warnings) == 11


def test_a_wrong_pixel_type_is_a_warning(bioformats, tmp_path):
    xml = ome(image((7, 5, 1, 1, 1))).replace('Type="uint16"', 'Type="int16"')
    with bioformats(write(tmp_path / "a.ome.tif", xml, coded(1, 1, 1))) as opened:
        assert len(opened.warnings) == 1
        assert "PixelType mismatch" in opened.warnings[0]


def test_a_file_that_does_not_open_raises(bioformats, tmp_path):
    path = tmp_path / "a.ome.tif"
    path.write_bytes(b"not a TIFF")
    with pytest.raises(BioFormatsError, match="FormatException: Invalid TIFF file"):
        bioformats(path)
    with pytest.raises(BioFormatsError, match="FormatException: Invalid TIFF file"):
        open_time(path)
    path.unlink()
    with pytest.raises(BioFormatsError, match="FileNotFoundException"):
        bioformats(path)


def test_a_position_outside_raises(bioformats, tmp_path):
    path = write(tmp_path / "a.ome.tif", ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1))
    with bioformats(path) as opened, pytest.raises(BioFormatsError, match="IllegalArgumentException"):
        opened.plane(0, 0, 0, 1)


def test_a_closed_file_can_be_replaced(bioformats, tmp_path):
    path = write(tmp_path / "a.ome.tif", ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1))
    with bioformats(path) as opened:
        opened.plane(0, 0, 0, 0)
    assert open_files_in(tmp_path) == []
    path.rename(tmp_path / "b.ome.tif")
    write(path, ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1) + 1)
    with bioformats(path) as opened:
        np.testing.assert_array_equal(opened.plane(0, 0, 0, 0), coded(1, 1, 1)[0, 0, 0] + 1)


def open_files_in(folder):
    """Return the files in a folder that this process has open, as far as the system reports them."""
    descriptors = Path("/proc/self/fd")
    links = descriptors.iterdir() if descriptors.is_dir() else ()
    targets = [link.readlink() for link in links if link.is_symlink()]
    return [target for target in targets if target.is_relative_to(folder)]


def test_related_files_are_grouped_by_default(bioformats, tmp_path):
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{i}" for i in range(2)]
    xml = ome(image((7, 5, 1, 1, 2)))
    data = "".join(
        f'<TiffData IFD="0" FirstT="{t}" PlaneCount="1">'
        f'<UUID FileName="{t}.ome.tif">{uuids[t]}</UUID></TiffData>'
        for t in range(2)
    )
    xml = xml.replace('<TiffData IFD="0" PlaneCount="2"/>', data)
    pixels = coded(2, 1, 1)
    paths = [
        write(tmp_path / f"{t}.ome.tif", xml.replace("<OME ", f'<OME UUID="{uuids[t]}" '), pixels[t : t + 1])
        for t in range(2)
    ]
    with bioformats(paths[0]) as opened:
        assert sorted(opened.used_files) == paths
        np.testing.assert_array_equal(opened.plane(0, 0, 0, 1), pixels[1, 0, 0])
    with bioformats(paths[0], group_files=False) as opened:
        assert opened.used_files == paths[:1]
        assert opened.series[0].size_t == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('SizeT="1"', 'SizeQ="1"', "Attribute 'SizeQ' is not allowed"),
        ('SizeT="1"', 'SizeT="0"', "SizeT"),
        ("</Image>", "", "must be terminated by the matching end-tag"),
        ("xsi:schemaLocation", "xsi:elsewhere", "No schema path found"),
        ("2016-06/ome.xsd", "2099-01/ome.xsd", "is not in the Bio-Formats jar"),
        (f'xmlns="{SCHEMA}"', 'xmlns="urn:x"', "No schema path found"),
    ],
)
def test_invalid_xml_is_reported(old, new, message):
    xml = ome(image((7, 5, 1, 1, 1)))
    assert validate_xml(xml) == validate_xml(xml.encode()) == []
    assert any(message in text for text in validate_xml(xml.replace(old, new)))


def test_open_time_is_a_time(tmp_path):
    path = write(tmp_path / "a.ome.tif", ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1))
    open_time(path)
    assert 0 < open_time(path) < 5


def test_nothing_is_printed_and_the_process_exits_with_0(tmp_path):
    """Run pytest in a child process, because its exit with Java still running could fail."""
    path = write(tmp_path / "a.ome.tif", ome(image((7, 5, 1, 1, 1))), coded(1, 1, 1))
    (tmp_path / "test_one.py").write_text(
        textwrap.dedent(f"""
            from readers.bioformats import BioFormats, validate_xml

            def test_one():
                with BioFormats({str(path)!r}) as opened:
                    assert opened.plane(0, 0, 0, 0)[0, 0] == 0
                    assert opened.warnings == []
                    assert validate_xml(opened.ome_xml) == []
        """)
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(tests), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith("."), done.stdout

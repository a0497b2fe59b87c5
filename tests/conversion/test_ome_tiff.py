"""Conversion of OME-TIFF of other programs; Bio-Formats compares source and result."""

import math

import numpy as np
import ome_writers
import pytest
import tifffile
from ome_types import from_tiff

from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, validate
from foreign import write_ome_tiff
from foreign_bioformats import write_by_bioformats
from readers.bioformats import BioFormats

RANDOM = np.random.default_rng(5)
SECONDS = {"s": 1.0, "ms": 1e-3}


def array(t=2, c=2, z=3, dtype="u2"):
    return RANDOM.integers(0, 250, (t, c, z, 40, 48)).astype(dtype)


def channels(c):
    return f'Name="{["DAPI", "GFP"][c]}" Color="{[65535, 16711935][c]}" EmissionWavelength="{[450, 510][c]}"'


def planes(t, c, z):
    return f'DeltaT="{t * 10 + c + 0.1 * z:.3f}" ExposureTime="0.02" PositionZ="{z * 0.5}" PositionZUnit="µm"'


def colors_of(series):
    """Return the colors of channels; by default, those that our writer gives to their names."""
    if series.effective_size_c == 1:
        return series.channel_colors
    named = {"DAPI": (0, 0, 255, 255), "GFP": (0, 255, 0, 255)}
    told = zip(series.channel_colors, series.channel_names, strict=True)
    return [color or named.get(name, (255, 255, 255, 255)) for color, name in told]


def assert_same_to_bio_formats(source, dest):
    """Assert that both have the same images with the same planes, names, sizes and times."""
    with BioFormats(source) as before, BioFormats(dest) as after:
        assert [each.name for each in before.series] == [each.name for each in after.series]
        for number, (old, new) in enumerate(zip(before.series, after.series, strict=True)):
            shape = old.size_z, old.effective_size_c, old.size_t
            assert shape == (new.size_z, new.effective_size_c, new.size_t)
            assert (old.physical_size_x, old.physical_size_z) == (new.physical_size_x, new.physical_size_z)
            assert old.time_increment == new.time_increment
            assert old.acquisition_date == new.acquisition_date
            if old.channel_names[0]:
                assert old.channel_names == new.channel_names
            assert colors_of(old) == new.channel_colors
            times = [
                {
                    (plane["the_z"], plane["the_c"], plane["the_t"]): round(
                        plane["delta_t"][0] * SECONDS[plane["delta_t"][1]], 3
                    )
                    for plane in each.planes
                    if plane["delta_t"] is not None
                }
                for each in (old, new)
            ]
            assert times[0] == times[1]
            for place in np.ndindex(*shape):
                np.testing.assert_array_equal(after.plane(number, *place), before.plane(number, *place))
        assert after.warnings == []


def test_several_files_that_name_each_other(tmp_path):
    paths = write_ome_tiff(
        tmp_path / "run",
        {"left": array(), "right": array()},
        channels=channels,
        planes=planes,
        inside="<AcquisitionDate>2024-05-06T07:08:09</AcquisitionDate><Description>two cells</Description>",
        pixels='PhysicalSizeX="0.25" PhysicalSizeY="0.25" PhysicalSizeZ="0.5" TimeIncrement="10"',
    )
    for source in (paths[0].parent, *paths):
        done = convert(source, tmp_path / "run.ome.tiff", verify=True, overwrite=True)
        assert (done.n_frames, done.n_images, done.is_complete, done.notes) == (24, 2, True, ())
        assert validate(done.path) == []
        assert_same_to_bio_formats(paths[0], done.path)
    image = from_tiff(done.path).images[0]
    assert image.description == "two cells"
    assert [channel.emission_wavelength for channel in image.pixels.channels] == [450, 510]
    assert {plane.exposure_time for plane in image.pixels.planes} == {0.02}
    with TiffStorage.open(done.path) as result:
        assert "two cells" in result.summary_metadata["OriginalOMEXML"]
        assert (
            result.get_metadata({"time": 1, "position": "left", "channel": "GFP", "z": 2})["Exposure-ms"]
            == 20
        )


def test_binary_only_files_with_a_companion(tmp_path):
    paths = write_ome_tiff(tmp_path / "run", {"a": array(), "b": array()}, companion="run.companion.ome")
    for number, source in enumerate((*paths, tmp_path / "run", tmp_path / "run" / "run.companion.ome")):
        done = convert(source, tmp_path / f"{number}.ome.tiff", verify=True)
        assert (done.n_frames, done.n_images, done.is_complete) == (24, 2, True)
    assert_same_to_bio_formats(tmp_path / "run" / "run.companion.ome", done.path)


@pytest.mark.parametrize("schema", ["2010-06", "2013-06", "2015-01", "2016-06"])
def test_older_schemas(schema, tmp_path):
    (path,) = write_ome_tiff(tmp_path, {"old": array()}, schema=schema, channels=channels)
    done = convert(path, tmp_path / "run.ome.tiff", verify=True)
    assert done.is_complete
    assert [channel.name for channel in from_tiff(done.path).images[0].pixels.channels] == ["DAPI", "GFP"]


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_ome_tiff_of_tifffile(dtype, compression, tmp_path):
    path = tmp_path / "source.ome.tif"
    tifffile.imwrite(path, array(dtype=dtype), metadata={"axes": "TCZYX"}, compression=compression)
    done = convert(path, tmp_path / "run.ome.tiff", verify=True)
    assert (done.n_frames, done.is_complete) == (12, True)
    with BioFormats(path) as before, BioFormats(done.path) as after:
        for place in np.ndindex(3, 2, 2):
            np.testing.assert_array_equal(after.plane(0, *place), before.plane(0, *place))


@pytest.mark.parametrize(
    ("options", "images"),
    [
        ({}, {"one": array()}),
        ({}, {"left": array(), "right": array(z=2)}),
        ({"order": "XYZTC"}, {"one": array()}),
        ({"big_endian": True}, {"one": array(dtype="f4")}),
        ({"big_endian": True, "bigtiff": True}, {"one": array(dtype="i2")}),
        ({"compression": "LZW"}, {"one": array()}),
        ({"compression": "JPEG-2000"}, {"one": array()}),
        ({}, {"rgb": RANDOM.integers(0, 250, (2, 1, 3, 40, 48, 3)).astype("u1")}),
    ],
    ids=["plain", "two series", "order", "big-endian", "BigTIFF", "LZW", "JPEG 2000", "RGB"],
)
def test_ome_tiff_of_bio_formats(options, images, tmp_path):
    source = write_by_bioformats(tmp_path / "source.ome.tif", [*images.items()], **options)
    done = convert(source, tmp_path / "run.ome.tiff", verify=True)
    n_planes = sum(math.prod(each.shape[:3]) for each in images.values())
    assert (done.n_frames, done.n_source_frames, done.is_complete) == (n_planes, n_planes, True)
    assert done.notes == ()
    assert_same_to_bio_formats(source, done.path)


def test_ome_tiff_of_bio_formats_with_one_file_per_image(tmp_path):
    (tmp_path / "run").mkdir()
    paths = [tmp_path / "run" / f"run_{number}.ome.tif" for number in range(2)]
    images = [("left", array()), ("right", array())]
    write_by_bioformats(paths[0], images, file_of=paths.__getitem__)
    for source in (tmp_path / "run", *paths):
        done = convert(source, tmp_path / "run.ome.tiff", verify=True, overwrite=True)
        assert (done.n_frames, done.n_images, done.is_complete) == (24, 2, True)
    assert_same_to_bio_formats(paths[0], done.path)


def test_ome_tiff_of_ome_writers(tmp_path):
    pixels = array()
    settings = ome_writers.AcquisitionSettings(
        root_path=str(tmp_path / "source.ome.tiff"),
        dimensions=[
            ome_writers.Dimension(name="t", count=2, type="time", scale=2.0, unit="second"),
            ome_writers.Dimension(name="c", count=2, type="channel"),
            ome_writers.Dimension(name="z", count=3, type="space", scale=0.5, unit="micrometer"),
            ome_writers.Dimension(name="y", count=40, type="space", scale=0.25, unit="micrometer"),
            ome_writers.Dimension(name="x", count=48, type="space", scale=0.25, unit="micrometer"),
        ],
        dtype="uint16",
        format=ome_writers.OmeTiffFormat(backend="tifffile"),
    )
    with ome_writers.create_stream(settings) as stream:
        for plane in pixels.reshape(-1, 40, 48):
            stream.append(plane)
    done = convert(tmp_path / "source.ome.tiff", tmp_path / "run.ome.tiff", verify=True)
    assert (done.n_frames, done.is_complete) == (12, True)
    assert_same_to_bio_formats(tmp_path / "source.ome.tiff", done.path)


def test_ome_tiff_of_tifffile_with_several_images_and_a_pyramid(tmp_path):
    path = tmp_path / "source.ome.tif"
    images = [RANDOM.integers(0, 250, (3, 128, 96)).astype("u2") for _ in range(2)]
    with tifffile.TiffWriter(path, ome=True, byteorder=">") as tif:
        options = {"tile": (32, 32), "photometric": "minisblack", "compression": "zlib"}
        tif.write(images[0], subifds=1, metadata={"axes": "ZYX", "Name": "deep"}, **options)
        tif.write(images[0][:, ::2, ::2], subfiletype=1, **options)
        tif.write(images[1], metadata={"axes": "TYX", "Name": "long"}, **options)
    done = convert(path, tmp_path / "run.ome.tiff", verify=True)
    assert (done.n_frames, done.n_images, done.is_complete) == (6, 2, True)
    with BioFormats(done.path) as after:
        assert [(each.name, each.size_z, each.size_t) for each in after.series] == [
            ("deep", 3, 1),
            ("long", 1, 3),
        ]
        for at in range(3):
            np.testing.assert_array_equal(after.plane(0, at, 0, 0), images[0][at])
            np.testing.assert_array_equal(after.plane(1, 0, 0, at), images[1][at])


def test_images_with_the_same_name_keep_it(tmp_path):
    path = tmp_path / "source.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name in ("cell", "cell", ""):
            tif.write(array()[:, 0], metadata={"axes": "TZYX", "Name": name} if name else {"axes": "TZYX"})
    done = convert(path, tmp_path / "run.ome.tiff", verify=True)
    assert done.is_complete
    names = [image.name for image in from_tiff(done.path).images]
    assert names[:2] == ["cell", "cell (2)"]
    assert len(set(names)) == 3


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_rgb(planar, tmp_path):
    pixels = RANDOM.integers(0, 250, (4, 40, 48, 3)).astype("u1")
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 1)
    path = tmp_path / "source.ome.tif"
    axes = "TYXS" if planar == "contig" else "TSYX"
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, metadata={"axes": axes})
    done = convert(path, tmp_path / "run.ome.tiff", verify=True)
    assert done.is_complete
    with TiffStorage.open(done.path) as result:
        for time in range(4):
            np.testing.assert_array_equal(result[{"time": time, "z": 0}], pixels[time])


def test_elements_kept_only_in_the_original_xml_are_listed(tmp_path):
    (path,) = write_ome_tiff(
        tmp_path,
        {"one": array()},
        first='<Instrument ID="Instrument:0"><Detector ID="Detector:0"/><Objective ID="Objective:0" '
        'Model="Plan" NominalMagnification="60" LensNA="1.4" Immersion="Oil"/></Instrument>',
        last='<StructuredAnnotations><XMLAnnotation ID="Annotation:0"/></StructuredAnnotations>'
        '<ROI ID="ROI:0"/><ROI ID="ROI:1"/>',
    )
    done = convert(path, tmp_path / "run.ome.tiff")
    assert done.notes == ("2 ROIs", "1 Detector", "1 annotation")
    (objective,) = from_tiff(done.path).instruments[0].objectives
    assert (objective.model, objective.nominal_magnification, objective.lens_na) == ("Plan", 60, 1.4)
    with TiffStorage.open(done.path) as result:
        assert "ROI:1" in result.summary_metadata["OriginalOMEXML"]


def test_missing_planes_are_reported(tmp_path):
    first, second = write_ome_tiff(tmp_path / "run", {"a": array(), "b": array()})
    second.unlink()
    with tifffile.TiffFile(first) as tif:
        xml = tif.pages.first.description
    tifffile.imwrite(first, array()[0, 0], photometric="minisblack", description=xml.encode(), metadata=None)
    done = convert(first, tmp_path / "run.ome.tiff")
    assert (done.n_frames, done.n_source_frames, done.is_complete) == (3, 24, False)
    told = [(skipped.what, skipped.reason) for skipped in done.skipped]
    assert ('9 planes of image "a"', "no page holds them") in told
    assert ('12 planes of image "b"', "no page holds them") in told
    assert ('planes of image "b"', "b.ome.tif: it is missing") in told


def test_a_renamed_file(tmp_path):
    (path,) = write_ome_tiff(tmp_path, {"one": array()})
    renamed = path.rename(tmp_path / "other.tif")
    assert convert(renamed, tmp_path / "run.ome.tiff", verify=True).is_complete


def test_a_folder_of_several_datasets_lists_them(tmp_path):
    write_ome_tiff(tmp_path / "day", {"one": array()})
    write_ome_tiff(tmp_path / "day", {"two": array()})
    with pytest.raises(OmeTiffError, match=r"has 2 datasets: choose one of one.ome.tif, two.ome.tif"):
        convert(tmp_path / "day", tmp_path / "run.ome.tiff")


def test_nothing_outside_the_folder_is_read(tmp_path):
    (secret,) = write_ome_tiff(tmp_path / "private", {"secret": array()})
    first, second = write_ome_tiff(tmp_path / "run", {"a": array(), "b": array()})
    second.unlink()
    second.symlink_to(secret)
    done = convert(first, tmp_path / "run.ome.tiff")
    assert done.n_images == 1
    assert "a link that leads out of the folder is not followed" in done.skipped[0].reason


def test_a_page_is_used_for_one_plane_only(tmp_path):
    path = tmp_path / "source.ome.tif"
    blocks = "".join(f'<TiffData IFD="0" FirstT="{t}" PlaneCount="1"/>' for t in range(1000))
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
        'ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="48" SizeY="40" SizeZ="1" SizeC="1" '
        f'SizeT="1000">{blocks}</Pixels></Image></OME>'
    )
    pixels = array()[0, 0, 0]
    tifffile.imwrite(path, pixels, photometric="minisblack", description=xml.encode(), metadata=None)
    done = convert(path, tmp_path / "run.ome.tiff")
    assert (done.n_frames, done.skipped[0].what) == (1, '999 planes of image ""')
    assert done.skipped[0].reason == "they share a page with another plane"
    assert done.n_source_frames == 1000


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"II*\0", "an ordinary TIFF file"),
        (b"hello", "text"),
        (b"", "an empty file"),
    ],
)
def test_the_error_names_the_type_of_an_unsupported_file(start, kind, tmp_path):
    (tmp_path / "file.tif").write_bytes(start)
    with pytest.raises(OmeTiffError, match=rf"or OME-TIFF, found {kind}$"):
        convert(tmp_path / "file.tif", tmp_path / "run.ome.tiff")


def test_pixels_that_are_not_square(tmp_path):
    (path,) = write_ome_tiff(tmp_path, {"a": array()}, pixels='PhysicalSizeX="0.25" PhysicalSizeY="0.5"')
    done = convert(path, tmp_path / "run.ome.tiff", verify=True)
    pixels = from_tiff(done.path).images[0].pixels
    assert (pixels.physical_size_x, pixels.physical_size_y) == (0.25, 0.5)


def test_wavelengths_in_micrometres(tmp_path):
    def channel(number):
        return f'Name="{number}" EmissionWavelength="0.51" EmissionWavelengthUnit="µm"'

    (path,) = write_ome_tiff(tmp_path, {"a": array()}, channels=channel)
    done = convert(path, tmp_path / "run.ome.tiff")
    assert [channel.emission_wavelength for channel in from_tiff(done.path).images[0].pixels.channels] == [
        510,
        510,
    ]

"""A user's script for type checkers: all of the public API, with the type of each result."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff import (
    BeingWrittenError,
    CameraValues,
    ChannelInfo,
    ConversionResult,
    DatasetInfo,
    ExperimenterInfo,
    ExportResult,
    FilterInfo,
    FrameMetadata,
    FrameValues,
    Image,
    ImageInfo,
    Images,
    LightSourceInfo,
    MicroscopeInfo,
    MosaicResult,
    NotFinishedError,
    ObjectiveInfo,
    OmeTiffError,
    PlaneValues,
    PlateInfo,
    Preview,
    Problem,
    RecoveryResult,
    SkippedFrame,
    SummaryValues,
    TiffStorage,
    TiffStorageHandler,
    Translator,
    ZarrExportResult,
    __version__,
    acquisition,
    convert,
    export_imagej,
    export_mosaic,
    export_offsets,
    export_ome_zarr,
    export_tile_configuration,
    info,
    preview,
    read_frame_metadata,
    recover,
    validate,
)


class OwnDialect(Translator):
    """Metadata of a custom microscope."""

    name = "own"

    def matches(self, tags: Mapping[str, object]) -> bool:
        return "stage_um" in tags

    def plane_values(self, tags: Mapping[str, object]) -> PlaneValues:
        return PlaneValues(x_um=float(str(tags["stage_um"])))

    def frame_values(self, tags: Mapping[str, object]) -> FrameValues:
        return FrameValues(position_name=str(tags["place"]), camera=CameraValues("own", binning="2x2"))

    def summary_values(self, tags: Mapping[str, object]) -> SummaryValues:
        return SummaryValues(pixel_size_um=float(str(tags["pixel_um"])))

    def plane_keys(self, tags: Mapping[str, object]) -> Iterable[str]:
        return ["stage_um"]


def write(path: Path) -> None:
    with TiffStorage(
        path,
        {"sample": "HeLa"},
        overwrite=True,
        on_error="collect",
        compression="zlib",
        compression_level=1,
        predictor=True,
        tile=(512, 512),
        pyramid_levels="auto",
        fold_axes={"angle": "T"},
        split_by=("position", "camera"),
        plate=PlateInfo({"control": "A1"}, name="Assay", rows=8, columns=12),
        pixel_size_um=0.1,
        z_step_um=1.0,
        time_interval_s=60.0,
        channels={
            "DAPI": ChannelInfo("blue", emission_nm=461, light_source=LightSourceInfo("LightEmittingDiode")),
            1: ChannelInfo(filters=("ET525",)),
        },
        objective=ObjectiveInfo(numerical_aperture=1.4, immersion="Oil"),
        image_name="cells",
        description="text",
        experimenter=ExperimenterInfo(last_name="Lovelace"),
        microscope=MicroscopeInfo(manufacturer="Nikon", model="Ti2"),
        filters={"ET525": FilterInfo("Emission", 500, 550)},
        annotations={"protocol": "fixed"},
        exclude_metadata="private",
        translators=[OwnDialect()],
        checksums="sha256",
        fsync=False,
    ) as storage:
        assert_type(storage, TiffStorage)
        storage.put({"time": 0, "channel": "DAPI"}, np.zeros((4, 4), np.uint16), {"stage_um": 3})
        storage.put({"time": 1}, [[1, 2], [3, 4]])
        storage.flush(fsync=True)
        assert_type(storage.await_new_image(timeout=1), bool)
        storage.finish()
        assert_type(storage.block_until_finished(timeout=1.5), bool)
        assert_type(storage.is_finished(), bool)


def read(path: Path) -> None:
    try:
        storage = TiffStorage.open(str(path), allow_unfinished=False)
    except (BeingWrittenError, NotFinishedError) as error:
        assert_type(error, BeingWrittenError | NotFinishedError)
        raise
    except OmeTiffError:
        raise
    assert_type(storage.path, Path)
    assert_type(storage.images, Images)
    assert_type(storage.images[0], Image)
    assert_type(storage.images["A1"], Image)
    assert_type(storage.images[{"position": "A1"}].asarray(), npt.NDArray[Any])
    described: list[ImageInfo] = [*storage.images[:2], *storage.images]
    print(described, [image.asxarray().dims for image in storage.images], storage.images[-1].asdask())
    assert_type(storage.images[0].sizes, dict[str, int])
    for coordinates in storage.get_image_coordinates_list():
        assert_type(coordinates, dict[str, int | str])
        assert_type(coordinates in storage, bool)
        assert_type(storage[coordinates], npt.NDArray[Any])
        assert_type(storage.get_data(coordinates), npt.NDArray[Any])
        assert_type(storage.get_data(time=3, channel="GFP"), npt.NDArray[Any])
        print(storage.get_metadata(coordinates)["Exposure-ms"], storage.summary_metadata)
    assert_type(next(iter(storage)), dict[str, int | str])
    storage.close()


def look(path: Path) -> None:
    assert_type(recover(path, translators=[OwnDialect()], progress=print), RecoveryResult)
    assert_type(validate(path), list[Problem])
    assert_type(info(path), DatasetInfo)
    assert_type(read_frame_metadata(path, {"time": 0}), FrameMetadata)
    assert_type(preview(path, images=2, z="max", format="JPEG"), Preview)
    assert_type(preview(path).encoded, bytes)
    assert_type(__version__, str)


def change(path: Path) -> None:
    converted = convert(path, "converted.ome.tiff", overwrite=True, verify=True, progress=print)
    assert_type(converted, ConversionResult)
    for lost in converted.skipped:
        assert_type(lost, SkippedFrame)
    assert_type(export_imagej(path, "stack.tif", image=0), ExportResult)
    assert_type(export_mosaic(path, "mosaic.ome.tiff", flip="x", compression="zlib"), MosaicResult)
    assert_type(export_tile_configuration(path, "TileConfiguration.txt"), Path)
    assert_type(export_offsets(path, "run.offsets.json"), Path)
    assert_type(export_ome_zarr(path, "run.zarr", version="0.4"), ZarrExportResult)
    assert_type(TiffStorageHandler(path, numbered=True).storage, TiffStorage | None)


def acquire(path: Path, channels: dict[str, ChannelInfo]) -> None:
    with acquisition(TiffStorage(path, channels=channels), lambda *frame: frame) as (engine, handler):
        engine.submit(lambda: print(handler))

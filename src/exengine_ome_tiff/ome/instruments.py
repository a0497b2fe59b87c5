"""Cameras and objectives of a document."""

from collections.abc import Iterable
from typing import TypeAlias

from ome_types import model as m

from exengine_ome_tiff.ome.image_values import ChannelValues, DatasetValues, ImageValues
from exengine_ome_tiff.ome.light_paths import LightPaths
from exengine_ome_tiff.ome.text import BINNINGS, optional_name
from exengine_ome_tiff.ome.user_values import MicroscopeInfo, ObjectiveInfo
from exengine_ome_tiff.translate import CameraValues

_Identity: TypeAlias = tuple[str, str | None, str | None, str | None]


class Instruments:
    """The one instrument of a document, with all that it consists of.

    Parameters
    ----------
    images
        Of the document.
    about
        What is known of the dataset as a whole.
    """

    def __init__(self, images: Iterable[ImageValues], about: DatasetValues) -> None:
        self._about = about
        self._light_path = LightPaths(about.filters)
        self._detectors: dict[_Identity, m.Detector] = {}
        self._objectives: dict[ObjectiveInfo, m.Objective] = {}
        for image in images:
            for channel in image.channels:
                self._light_path.add(channel)
                if channel.camera is not None and _identity(channel.camera) not in self._detectors:
                    detector = _detector(channel.camera, len(self._detectors))
                    self._detectors[_identity(channel.camera)] = detector
            if image.objective is not None and image.objective not in self._objectives:
                objective = _objective(image.objective, len(self._objectives))
                self._objectives[image.objective] = objective

    def elements(self) -> list[m.Instrument]:
        """Return the instrument, or nothing where nothing is known of it."""
        if not self._is_known:
            return []
        return [
            m.Instrument(
                id="Instrument:0",
                microscope=_microscope(self._about.microscope),
                detectors=list(self._detectors.values()),
                objectives=list(self._objectives.values()),
                **self._light_path.elements(),
            )
        ]

    @property
    def _is_known(self) -> bool:
        parts = (self._detectors, self._objectives, self._light_path.elements())
        return self._about.microscope is not None or any(parts)

    def light_path(self, channel: ChannelValues) -> m.LightPath | None:
        """Return the filters and the dichroic of a channel."""
        return self._light_path.path(channel)

    def light_source(self, channel: ChannelValues) -> m.LightSourceSettings | None:
        """Return the settings of a light source for a channel."""
        return self._light_path.source(channel)

    def refer(self, image: m.Image, values: ImageValues) -> None:
        """Let an image refer to the instrument and its objective."""
        if self._is_known:
            image.instrument_ref = m.InstrumentRef(id="Instrument:0")
        if values.objective is not None:
            image.objective_settings = m.ObjectiveSettings(id=self._objectives[values.objective].id)

    def settings(self, camera: CameraValues | None) -> m.DetectorSettings | None:
        """Return the settings of a camera for a channel."""
        if camera is None:
            return None
        settings = m.DetectorSettings(
            id=self._detectors[_identity(camera)].id, gain=camera.gain, offset=camera.offset
        )
        if camera.binning is not None:
            settings.binning = m.Binning(camera.binning if camera.binning in BINNINGS else "Other")
        if camera.readout_mhz is not None:
            settings.read_out_rate = camera.readout_mhz
            settings.read_out_rate_unit = m.UnitsFrequency.MEGAHERTZ
        return settings


def _identity(camera: CameraValues) -> _Identity:
    """Return what tells a camera from others; two may have one label, or none."""
    return camera.label, camera.manufacturer, camera.model, camera.serial_number


def _microscope(info: MicroscopeInfo | None) -> m.Microscope | None:
    if info is None:
        return None
    return m.Microscope(
        manufacturer=optional_name(info.manufacturer),
        model=optional_name(info.model),
        serial_number=optional_name(info.serial_number),
        type=None if info.kind is None else m.Microscope_Type(info.kind),
    )


def _detector(camera: CameraValues, number: int) -> m.Detector:
    return m.Detector(
        id=f"Detector:{number}",
        manufacturer=optional_name(camera.manufacturer),
        model=optional_name(camera.model),
        serial_number=optional_name(camera.serial_number),
    )


def _objective(info: ObjectiveInfo, number: int) -> m.Objective:
    objective = m.Objective(
        id=f"Objective:{number}",
        model=optional_name(info.model),
        manufacturer=optional_name(info.manufacturer),
        nominal_magnification=info.magnification,
        lens_na=info.numerical_aperture,
    )
    if info.immersion is not None:
        objective.immersion = m.Objective_Immersion(info.immersion)
    return objective

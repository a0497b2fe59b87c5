"""Cameras and objectives of a document."""

from collections.abc import Iterable

from ome_types import model as m

from exengine_ome_tiff.ome.images import ImageValues
from exengine_ome_tiff.ome.text import BINNINGS, optional_name
from exengine_ome_tiff.ome.user_values import ObjectiveInfo
from exengine_ome_tiff.translate import CameraValues


class Instruments:
    """The one instrument of a document, with all its detectors and objectives."""

    def __init__(self, images: Iterable[ImageValues]) -> None:
        self._detectors: dict[str, m.Detector] = {}
        self._objectives: dict[ObjectiveInfo, m.Objective] = {}
        for image in images:
            for channel in image.channels:
                if channel.camera is not None and channel.camera.label not in self._detectors:
                    detector = _detector(channel.camera, len(self._detectors))
                    self._detectors[channel.camera.label] = detector
            if image.objective is not None and image.objective not in self._objectives:
                objective = _objective(image.objective, len(self._objectives))
                self._objectives[image.objective] = objective

    def elements(self) -> list[m.Instrument]:
        """Return the instrument, or nothing where nothing is known of it."""
        if not self._detectors and not self._objectives:
            return []
        return [
            m.Instrument(
                id="Instrument:0",
                detectors=list(self._detectors.values()),
                objectives=list(self._objectives.values()),
            )
        ]

    def refer(self, image: m.Image, values: ImageValues) -> None:
        """Let an image refer to the instrument and its objective."""
        if self._detectors or self._objectives:
            image.instrument_ref = m.InstrumentRef(id="Instrument:0")
        if values.objective is not None:
            image.objective_settings = m.ObjectiveSettings(id=self._objectives[values.objective].id)

    def settings(self, camera: CameraValues | None) -> m.DetectorSettings | None:
        """Return the settings of a camera for a channel."""
        if camera is None:
            return None
        settings = m.DetectorSettings(
            id=self._detectors[camera.label].id, gain=camera.gain, offset=camera.offset
        )
        if camera.binning is not None:
            settings.binning = m.Binning(camera.binning if camera.binning in BINNINGS else "Other")
        if camera.readout_mhz is not None:
            settings.read_out_rate = camera.readout_mhz
            settings.read_out_rate_unit = m.UnitsFrequency.MEGAHERTZ
        return settings


def _detector(camera: CameraValues, number: int) -> m.Detector:
    return m.Detector(
        id=f"Detector:{number}",
        manufacturer=optional_name(camera.manufacturer),
        model=optional_name(camera.model or camera.label),
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

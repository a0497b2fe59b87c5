"""The instrument of a document: microscope, cameras, objectives, light sources, filters and dichroics."""

from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from ome_types import model as m

from exengine_ome_tiff.ome.image_values import ChannelValues, DatasetValues, ImageValues
from exengine_ome_tiff.ome.text import BINNINGS, optional_name
from exengine_ome_tiff.ome.user_values import FilterInfo, LightSourceInfo, ObjectiveInfo
from exengine_ome_tiff.translate.values import CameraValues

_Identity: TypeAlias = tuple[str, str | None, str | None, str | None]
_Part = TypeVar("_Part", bound=Hashable)

_LIGHT_SOURCES: dict[str, tuple[str, Any]] = {
    "Laser": ("lasers", m.Laser),
    "LED": ("light_emitting_diodes", m.LightEmittingDiode),
    "Arc": ("arcs", m.Arc),
    "Filament": ("filaments", m.Filament),
    "Other": ("generic_excitation_sources", m.GenericExcitationSource),
}
"""Attribute of Instrument, and element, for each kind of light source."""


class Instruments:
    """The one instrument of a document.

    Parameters
    ----------
    images
        Values of the images in the document.
    about
        Values of the dataset.
    """

    def __init__(self, images: Sequence[ImageValues], about: DatasetValues) -> None:
        channels = [channel for image in images for channel in image.channels]
        labels = [label for channel in channels for label in channel.filters]
        self._microscope, self._known_filters = about.given.microscope, about.given.filters
        self._detectors = _ids("Detector", (_identity(each.camera) for each in channels if each.camera))
        self._objectives = _ids("Objective", (each.objective for each in images if each.objective))
        sources = (channel.info.light_source for channel in channels)
        self._sources = _ids("LightSource", (each for each in sources if each))
        dichroics = {label for label in labels if self._known_filters[label].kind == "Dichroic"}
        self._filters = _ids("Filter", (each for each in labels if each not in dichroics))
        self._dichroics = _ids("Dichroic", (each for each in labels if each in dichroics))
        parts = (self._detectors, self._objectives, self._sources, self._filters, self._dichroics)
        self._is_known = self._microscope is not None or any(parts)

    def elements(self) -> list[m.Instrument]:
        """Return the instrument; an empty list if nothing is known about it."""
        if not self._is_known:
            return []
        instrument = m.Instrument(id="Instrument:0")
        microscope = self._microscope
        if microscope is not None:
            kind = None if microscope.kind is None else m.Microscope_Type(microscope.kind)
            made = _made(microscope.manufacturer, microscope.model, microscope.serial_number)
            instrument.microscope = m.Microscope(type=kind, **made)
        for (_, *made_by), detector_id in self._detectors.items():
            instrument.detectors.append(m.Detector(id=detector_id, **_made(*made_by)))
        for objective, objective_id in self._objectives.items():
            instrument.objectives.append(_objective(objective, objective_id))
        for source, source_id in self._sources.items():
            attribute, element = _LIGHT_SOURCES[source.kind]
            getattr(instrument, attribute).append(_light_source(source, element, source_id))
        for label, filter_id in self._filters.items():
            instrument.filters.append(_filter(label, self._known_filters[label], filter_id))
        for label, dichroic_id in self._dichroics.items():
            made = _filter_made(label, self._known_filters[label])
            instrument.dichroics.append(m.Dichroic(id=dichroic_id, **made))
        return [instrument]

    def refer(self, image: m.Image, values: ImageValues) -> None:
        """Add to an image the references to the instrument and the objective."""
        if self._is_known:
            image.instrument_ref = m.InstrumentRef(id="Instrument:0")
        if values.objective is not None:
            image.objective_settings = m.ObjectiveSettings(id=self._objectives[values.objective])

    def detector_settings(self, channel: ChannelValues) -> m.DetectorSettings | None:
        """Return the settings of the camera for a channel."""
        camera = channel.camera
        if camera is None:
            return None
        settings = m.DetectorSettings(
            id=self._detectors[_identity(camera)], gain=camera.gain, offset=camera.offset
        )
        if camera.binning is not None:
            settings.binning = m.Binning(camera.binning if camera.binning in BINNINGS else "Other")
        set_quantity(settings, "read_out_rate", camera.readout_mhz, m.UnitsFrequency.MEGAHERTZ)
        return settings

    def light_source_settings(self, channel: ChannelValues) -> m.LightSourceSettings | None:
        """Return the settings of the light source of a channel."""
        source = channel.info.light_source
        if source is None:
            return None
        settings = m.LightSourceSettings(id=self._sources[source])
        set_quantity(settings, "wavelength", source.wavelength_nm, m.UnitsLength.NANOMETER)
        return settings

    def light_path(self, channel: ChannelValues) -> m.LightPath | None:
        """Return the filters and the dichroic of a channel."""
        if not channel.filters:
            return None
        excitation, emission, dichroics = (
            [label for label in channel.filters if self._known_filters[label].kind == kind]
            for kind in ("Excitation", "Emission", "Dichroic")
        )
        path = m.LightPath(
            excitation_filters=[m.FilterRef(id=self._filters[label]) for label in excitation],
            emission_filters=[m.FilterRef(id=self._filters[label]) for label in emission],
        )
        if dichroics:
            path.dichroic_ref = m.DichroicRef(id=self._dichroics[dichroics[0]])
        return path


def set_quantity(element: Any, attribute: str, value: float | None, unit: Enum) -> None:
    """Set an attribute of an element and its unit, unless the value is None."""
    if value is not None:
        setattr(element, attribute, value)
        setattr(element, f"{attribute}_unit", unit)


def _ids(element: str, parts: Iterable[_Part]) -> dict[_Part, str]:
    """Assign IDs to the distinct parts, in order of appearance."""
    return {part: f"{element}:{number}" for number, part in enumerate(dict.fromkeys(parts))}


def _identity(camera: CameraValues) -> _Identity:
    """Return what identifies a camera: several cameras may share a label, or have none."""
    return camera.label, camera.manufacturer, camera.model, camera.serial_number


def _made(manufacturer: str | None, model: str | None, serial_number: str | None = None) -> dict[str, Any]:
    return {
        "manufacturer": optional_name(manufacturer),
        "model": optional_name(model),
        "serial_number": optional_name(serial_number),
    }


def _objective(info: ObjectiveInfo, objective_id: str) -> m.Objective:
    return m.Objective(
        id=objective_id,
        nominal_magnification=info.magnification,
        lens_na=info.numerical_aperture,
        immersion=None if info.immersion is None else m.Objective_Immersion(info.immersion),
        **_made(info.manufacturer, info.model),
    )


def _light_source(info: LightSourceInfo, element: Any, source_id: str) -> Any:
    source = element(id=source_id, **_made(info.manufacturer, info.model, info.serial_number))
    set_quantity(source, "power", info.power_mw, m.UnitsPower.MILLIWATT)
    if info.kind == "Laser":
        set_quantity(source, "wavelength", info.wavelength_nm, m.UnitsLength.NANOMETER)
    return source


def _filter(label: str, info: FilterInfo, filter_id: str) -> m.Filter:
    element = m.Filter(id=filter_id, **_filter_made(label, info))
    if info.cut_in_nm is not None or info.cut_out_nm is not None:
        element.transmittance_range = m.TransmittanceRange(cut_in=info.cut_in_nm, cut_out=info.cut_out_nm)
    return element


def _filter_made(label: str, info: FilterInfo) -> dict[str, Any]:
    return _made(info.manufacturer, info.model or label, info.serial_number)

"""Light sources, filters and dichroics of a document, and what of them is in the path of a channel."""

from collections.abc import Mapping
from typing import Any

from ome_types import model as m

from exengine_ome_tiff.ome.image_values import ChannelValues
from exengine_ome_tiff.ome.text import optional_name
from exengine_ome_tiff.ome.user_values import FilterInfo, LightSourceInfo

_LIGHT_SOURCES: dict[str, tuple[str, Any]] = {
    "Laser": ("lasers", m.Laser),
    "LED": ("light_emitting_diodes", m.LightEmittingDiode),
    "Arc": ("arcs", m.Arc),
    "Filament": ("filaments", m.Filament),
    "Other": ("generic_excitation_sources", m.GenericExcitationSource),
}
"""Where in an instrument a light source is, and what it is, by its kind."""


class LightPaths:
    """What light passes in the instrument.

    Parameters
    ----------
    known
        Filters and dichroics by label.
    """

    def __init__(self, known: Mapping[str, FilterInfo]) -> None:
        self._known = known
        self._sources: dict[LightSourceInfo, Any] = {}
        self._filters: dict[str, m.Filter] = {}
        self._dichroics: dict[str, m.Dichroic] = {}

    def add(self, channel: ChannelValues) -> None:
        """Add what is in the path of a channel."""
        source = channel.info.light_source
        if source is not None and source not in self._sources:
            self._sources[source] = _light_source(source, len(self._sources))
        for label in channel.filters:
            info = self._known[label]
            if info.kind == "Dichroic":
                name = f"Dichroic:{len(self._dichroics)}"
                self._dichroics.setdefault(label, m.Dichroic(id=name, **_names(info, label)))
            else:
                self._filters.setdefault(label, _filter(label, info, len(self._filters)))

    def elements(self) -> dict[str, list[Any]]:
        """Return all of it, by its place in an instrument."""
        found: dict[str, list[Any]] = {}
        for info, source in self._sources.items():
            found.setdefault(_LIGHT_SOURCES[info.kind][0], []).append(source)
        for name, parts in (("filters", self._filters), ("dichroics", self._dichroics)):
            if parts:
                found[name] = list(parts.values())
        return found

    def path(self, channel: ChannelValues) -> m.LightPath | None:
        """Return the filters and the dichroic of a channel."""
        by_kind: dict[str, list[str]] = {}
        for label in channel.filters:
            by_kind.setdefault(self._known[label].kind, []).append(label)
        if not by_kind:
            return None
        excitation, emission = (
            [m.FilterRef(id=self._filters[each].id) for each in by_kind.get(kind, ())]
            for kind in ("Excitation", "Emission")
        )
        path = m.LightPath(excitation_filters=excitation, emission_filters=emission)
        for label in by_kind.get("Dichroic", ())[:1]:
            path.dichroic_ref = m.DichroicRef(id=self._dichroics[label].id)
        return path

    def source(self, channel: ChannelValues) -> m.LightSourceSettings | None:
        """Return the settings of the light source of a channel."""
        info = channel.info.light_source
        if info is None:
            return None
        settings = m.LightSourceSettings(id=self._sources[info].id)
        if info.wavelength_nm is not None:
            settings.wavelength = info.wavelength_nm
            settings.wavelength_unit = m.UnitsLength.NANOMETER
        return settings


def _light_source(info: LightSourceInfo, number: int) -> Any:
    source = _LIGHT_SOURCES[info.kind][1](id=f"LightSource:{number}", **_names(info))
    if info.power_mw is not None:
        source.power = info.power_mw
        source.power_unit = m.UnitsPower.MILLIWATT
    if info.kind == "Laser" and info.wavelength_nm is not None:
        source.wavelength = info.wavelength_nm
        source.wavelength_unit = m.UnitsLength.NANOMETER
    return source


def _filter(label: str, info: FilterInfo, number: int) -> m.Filter:
    element = m.Filter(id=f"Filter:{number}", **_names(info, label))
    if info.cut_in_nm is not None or info.cut_out_nm is not None:
        element.transmittance_range = m.TransmittanceRange(cut_in=info.cut_in_nm, cut_out=info.cut_out_nm)
    return element


def _names(info: LightSourceInfo | FilterInfo, label: str | None = None) -> dict[str, Any]:
    return {
        "manufacturer": optional_name(info.manufacturer),
        "model": optional_name(info.model or label),
        "serial_number": optional_name(info.serial_number),
    }

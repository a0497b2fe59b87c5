"""Options that describe a dataset. They take precedence over metadata."""

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any

from exengine_ome_tiff.coordinates.keys import read_coordinates
from exengine_ome_tiff.ome.colors import read_color, read_rgb
from exengine_ome_tiff.ome.text import folded
from exengine_ome_tiff.translate.values import is_plausible, range_text

IMMERSIONS = ("Oil", "Water", "WaterDipping", "Air", "Multi", "Glycerol", "Other")
ACQUISITION_MODES = (
    *("WideField", "LaserScanningConfocalMicroscopy", "SpinningDiskConfocal", "SlitScanConfocal"),
    *("MultiPhotonMicroscopy", "StructuredIllumination", "SingleMoleculeImaging"),
    *("TotalInternalReflection", "FluorescenceLifetime", "SpectralImaging"),
    *("FluorescenceCorrelationSpectroscopy", "NearFieldScanningOpticalMicroscopy"),
    *("SecondHarmonicGenerationImaging", "PALM", "STORM", "STED", "TIRF", "FSM", "LCM", "BrightField"),
    *("SweptFieldConfocal", "SPIM", "Other"),
)
MICROSCOPES = ("Upright", "Inverted", "Dissection", "Electrophysiology", "Other")
LIGHT_SOURCES = ("Laser", "LED", "Arc", "Filament", "Other")
FILTERS = ("Excitation", "Emission", "Dichroic")
_EXAMPLES: dict[str, Any] = {  # argument and its value, or the whole option
    "ChannelInfo": ("color", "blue"),
    "ObjectiveInfo": ("model", "Plan Apo 60x/1.4 Oil"),
    "MicroscopeInfo": ("model", "Ti2"),
    "ExperimenterInfo": ("user_name", "kim"),
    "FilterInfo": ("kind", "Emission"),
    "LightSourceInfo": ("kind", "LED"),
    "channels": "{'DAPI': ChannelInfo(color='blue')}",
    "filters": "{'ET525/50m': FilterInfo(kind='Emission')}",
    "annotations": "{'sample': 'HeLa'}",
}


def set_numbers(info: Any, *names: str) -> None:
    """Convert attributes that are not None to `float`.

    Raises
    ------
    ValueError
        A value is not a positive number, or is implausible for its unit.
    """
    for name in names:
        value = getattr(info, name)
        if value is None:
            continue
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        try:
            number = float(value) if is_number else math.nan
        except (OverflowError, TypeError):  # the latter for NumPy's timedelta64
            number = math.nan
        if not 0 < number < math.inf or not is_plausible(name, number):
            expected = f"a positive number {range_text(name)}".rstrip()
            raise ValueError(f"got {name}={value!r}, expected {expected}")
        if not isinstance(value, int):
            object.__setattr__(info, name, number)


def set_texts(info: Any, *names: str) -> None:
    """Convert attributes that are not None to plain `str`; TypeError if one is not text."""
    for name in names:
        value = getattr(info, name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"got {name}={value!r}, expected text")
        object.__setattr__(info, name, str(value))


def set_choice(info: Any, name: str, known: tuple[str, ...]) -> None:
    """Replace text by the known word that it equals except for case and blanks; ValueError if none does."""
    value = getattr(info, name)
    if value is None:
        return
    words = {folded(word): word for word in known}
    if not isinstance(value, str) or folded(value) not in words:
        raise ValueError(f"got {name}={value!r}, expected one of {', '.join(known)}")
    object.__setattr__(info, name, words[folded(value)])


def check_kind(name: str, value: object, kind: type) -> None:
    """Raise TypeError unless a value is None or has a type."""
    if value is not None and not isinstance(value, kind):
        line = f"{name}={_call(kind, value)}"
        raise TypeError(f"got {name}={value!r}, expected {kind.__name__}: write {line}")


def check_kinds(name: str, values: Mapping[Any, object], kind: type) -> None:
    """Raise TypeError unless all values of a mapping have a type."""
    for key, value in values.items():
        if not isinstance(value, kind):
            got, line = (f"{name}={{{key!r}: {text}}}" for text in (repr(value), _call(kind, value)))
            raise TypeError(f"got {got}, expected {kind.__name__}: write {line}")


def _call(kind: type, value: object) -> str:
    """Return the call that makes an object of a type from a value, or an example."""
    first, example = _EXAMPLES[kind.__name__]
    given = [{**value}] if isinstance(value, Mapping) else []
    for arguments in (*given, {first: value}, {"name": value}, {first: example}):
        with suppress(TypeError, ValueError):
            kind(**arguments)
            break
    return f"{kind.__name__}({', '.join(f'{name}={each!r}' for name, each in arguments.items())})"


def read_mapping(name: str, value: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """Copy a mapping; None becomes empty. TypeError for anything else."""
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"got {name}={value!r}, expected a dict: write {name}={_EXAMPLES[name]}")
    return dict(value or {})


@dataclass(frozen=True, slots=True)
class MicroscopeInfo:
    """A microscope.

    Parameters
    ----------
    manufacturer, model, serial_number
        As printed on the microscope.
    kind
        "Upright", "Inverted", "Dissection", "Electrophysiology" or "Other".

    Raises
    ------
    ValueError
        OME has no such kind.
    """

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        set_texts(self, "manufacturer", "model", "serial_number")
        set_choice(self, "kind", MICROSCOPES)


@dataclass(frozen=True, slots=True)
class LightSourceInfo:
    """A light source.

    Parameters
    ----------
    kind
        "Laser", "LED", "Arc", "Filament" or "Other".
    manufacturer, model, serial_number
        As printed on the light source.
    power_mw
        Maximum power.
    wavelength_nm
        Wavelength.

    Raises
    ------
    ValueError
        OME has no such kind, or a number is not positive.
    """

    kind: str = "Other"
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    power_mw: float | None = None
    wavelength_nm: float | None = None

    def __post_init__(self) -> None:
        set_texts(self, "manufacturer", "model", "serial_number")
        set_choice(self, "kind", LIGHT_SOURCES)
        set_numbers(self, "power_mw", "wavelength_nm")


@dataclass(frozen=True, slots=True)
class FilterInfo:
    """A filter or a dichroic.

    Parameters
    ----------
    kind
        "Excitation", "Emission" or "Dichroic".
    cut_in_nm, cut_out_nm
        Shortest and longest wavelength that passes.
    manufacturer, model, serial_number
        As printed on the filter; the model defaults to the label.

    Raises
    ------
    ValueError
        OME has no such kind, a number is not positive, or ``cut_in_nm`` is greater than ``cut_out_nm``.
    """

    kind: str
    cut_in_nm: float | None = None
    cut_out_nm: float | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None

    def __post_init__(self) -> None:
        set_texts(self, "manufacturer", "model", "serial_number")
        set_choice(self, "kind", FILTERS)
        set_numbers(self, "cut_in_nm", "cut_out_nm")
        if self.cut_in_nm and self.cut_out_nm and self.cut_in_nm > self.cut_out_nm:
            raise ValueError(f"got cut_in_nm={self.cut_in_nm}, expected at most cut_out_nm={self.cut_out_nm}")


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel.

    Parameters
    ----------
    color
        Red, green and blue from 0 to 255, "#RRGGBB", or a name such as "magenta"; None for the default colour
        of a fluorophore in the channel's name.
    excitation_nm, emission_nm
        Wavelengths.
    fluorophore
        Name of the fluorophore.
    acquisition_mode
        OME's acquisition mode, such as "WideField", "LaserScanningConfocalMicroscopy" or
        "SpinningDiskConfocal".
    light_source
        Light source for excitation.
    filters
        Labels of its filters and its dichroic, as in the option ``filters``.
    name
        Name shown by readers instead of the channel's coordinate, such as "DAPI" for 0.

    Raises
    ------
    ValueError
        A wavelength is not positive, or OME has no such colour or acquisition mode.
    """

    color: tuple[int, int, int] | str | None = None
    excitation_nm: float | None = None
    emission_nm: float | None = None
    fluorophore: str | None = None
    acquisition_mode: str | None = None
    light_source: LightSourceInfo | None = None
    filters: Sequence[str] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        set_numbers(self, "excitation_nm", "emission_nm")
        set_texts(self, "fluorophore", "name")
        set_choice(self, "acquisition_mode", ACQUISITION_MODES)
        check_kind("light_source", self.light_source, LightSourceInfo)
        filters = (self.filters,) if isinstance(self.filters, str) else tuple(self.filters)
        for each in filters:
            if not isinstance(each, str):
                raise TypeError(f"got filters={self.filters!r}, expected labels from the option filters")
        object.__setattr__(self, "filters", filters)
        if self.color is not None and not isinstance(self.color, str):
            object.__setattr__(self, "color", read_rgb(self.color))
        if isinstance(self.color, str):
            read_color(self.color)

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """Red, green and blue."""
        return read_color(self.color) if isinstance(self.color, str) else self.color


@dataclass(frozen=True, slots=True)
class ObjectiveInfo:
    """An objective.

    Parameters
    ----------
    model, manufacturer
        As printed on the objective.
    magnification
        Nominal magnification.
    numerical_aperture
        Numerical aperture.
    immersion
        "Air", "Glycerol", "Multi", "Oil", "Other", "Water" or "WaterDipping".

    Raises
    ------
    ValueError
        Magnification or aperture is not positive, or OME has no such immersion.
    """

    model: str | None = None
    manufacturer: str | None = None
    magnification: float | None = None
    numerical_aperture: float | None = None
    immersion: str | None = None

    def __post_init__(self) -> None:
        set_numbers(self, "magnification", "numerical_aperture")
        set_texts(self, "model", "manufacturer")
        set_choice(self, "immersion", IMMERSIONS)


@dataclass(frozen=True, slots=True)
class ExperimenterInfo:
    """Person who recorded the dataset; if all are None, the user name in the summary metadata is used."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    institution: str | None = None
    user_name: str | None = None

    def __post_init__(self) -> None:
        set_texts(self, *(each.name for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Given:
    """All options that describe a dataset; see `TiffStorage`. None if an option was not given."""

    pixel_size_um: float | None = None
    z_step_um: float | None = None
    time_interval_s: float | None = None
    channels: Mapping[int | str, ChannelInfo] = field(default_factory=dict)
    objective: ObjectiveInfo | None = None
    image_name: str | None = None
    description: str | None = None
    experimenter: ExperimenterInfo | None = None
    exclude_metadata: Collection[str] = ()
    microscope: MicroscopeInfo | None = None
    filters: Mapping[str, FilterInfo] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclude_metadata", tuple(sorted(self.exclude_metadata)))
        set_numbers(self, "pixel_size_um", "z_step_um", "time_interval_s")
        set_texts(self, "image_name", "description")
        check_kind("objective", self.objective, ObjectiveInfo)
        check_kind("experimenter", self.experimenter, ExperimenterInfo)
        check_kind("microscope", self.microscope, MicroscopeInfo)
        channels = {
            read_coordinates({"channel": each})["channel"]: info for each, info in self.channels.items()
        }
        object.__setattr__(self, "channels", channels)
        check_kinds("channels", channels, ChannelInfo)
        for info in channels.values():
            unknown = [label for label in info.filters if label not in self.filters]
            if unknown:
                raise ValueError(
                    f"got the filter {unknown[0]!r} of a channel, expected a label from filters="
                )
        check_kinds("filters", self.filters, FilterInfo)
        if not all(isinstance(text, str) for pair in self.annotations.items() for text in pair):
            raise TypeError(f"got annotations={self.annotations!r}, expected a dict of names and text")

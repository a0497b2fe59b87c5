"""What a user says of a dataset; it goes before what metadata says."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

IMMERSIONS = ("Oil", "Water", "WaterDipping", "Air", "Multi", "Glycerol", "Other")
ACQUISITION_MODES = (
    *("WideField", "LaserScanningConfocalMicroscopy", "SpinningDiskConfocal", "SlitScanConfocal"),
    *("MultiPhotonMicroscopy", "StructuredIllumination", "SingleMoleculeImaging"),
    *("TotalInternalReflection", "FluorescenceLifetime", "SpectralImaging"),
    *("FluorescenceCorrelationSpectroscopy", "NearFieldScanningOpticalMicroscopy"),
    *("SecondHarmonicGenerationImaging", "PALM", "STORM", "STED", "TIRF", "FSM", "LCM", "BrightField"),
    *("SweptFieldConfocal", "SPIM", "Other"),
)
_RGB = 3
_MAX_COLOR = 255


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """What is known of a channel.

    Parameters
    ----------
    color
        Red, green and blue, 0 to 255, or "#RRGGBB"; None for the colour of a well-known name.
    excitation_nm, emission_nm
        Wavelengths.
    fluorophore
        Name of the fluorophore.
    acquisition_mode
        One of OME's, such as "WideField", "LaserScanningConfocalMicroscopy" or "SpinningDiskConfocal".

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

    def __post_init__(self) -> None:
        _check_positive(excitation_nm=self.excitation_nm, emission_nm=self.emission_nm)
        _check_text(fluorophore=self.fluorophore)
        _check_one_of(ACQUISITION_MODES, acquisition_mode=self.acquisition_mode)
        if self.color is not None and not isinstance(self.color, str):
            object.__setattr__(self, "color", tuple(self.color))
        if self.rgb is not None and (
            len(self.rgb) != _RGB
            or not all(isinstance(value, int) and 0 <= value <= _MAX_COLOR for value in self.rgb)
        ):
            raise ValueError(f"got color={self.color!r}, expected red, green and blue from 0 to 255")

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """Red, green and blue."""
        if isinstance(self.color, str):
            digits = self.color.removeprefix("#")
            if re.fullmatch("[0-9A-Fa-f]{6}", digits) is None:
                raise ValueError(f"got color={self.color!r}, expected #RRGGBB")
            return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
        return None if self.color is None else self.color


@dataclass(frozen=True, slots=True)
class ObjectiveInfo:
    """The objective.

    Parameters
    ----------
    model, manufacturer
        As its barrel says.
    magnification
        Nominal magnification.
    numerical_aperture
        Numerical aperture.
    immersion
        One of OME's: "Air", "Glycerol", "Multi", "Oil", "Other", "Water", "WaterDipping".

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
        _check_positive(magnification=self.magnification, numerical_aperture=self.numerical_aperture)
        _check_text(model=self.model, manufacturer=self.manufacturer)
        _check_one_of(IMMERSIONS, immersion=self.immersion)


@dataclass(frozen=True, slots=True)
class ExperimenterInfo:
    """Who recorded the dataset; without any of these, the user name of the summary metadata is taken."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    institution: str | None = None
    user_name: str | None = None

    def __post_init__(self) -> None:
        _check_text(**{each.name: getattr(self, each.name) for each in fields(self)})


@dataclass(frozen=True, slots=True)
class Given:
    """All that a user said; see `TiffStorage`. None where nothing was said."""

    pixel_size_um: float | None = None
    z_step_um: float | None = None
    time_interval_s: float | None = None
    channels: Mapping[int | str, ChannelInfo] = field(default_factory=dict)
    objective: ObjectiveInfo | None = None
    image_name: str | None = None
    description: str | None = None
    experimenter: ExperimenterInfo | None = None

    def __post_init__(self) -> None:
        _check_positive(
            pixel_size_um=self.pixel_size_um,
            z_step_um=self.z_step_um,
            time_interval_s=self.time_interval_s,
        )
        _check_text(image_name=self.image_name, description=self.description)
        for name, value, kind in (
            ("objective", self.objective, ObjectiveInfo),
            ("experimenter", self.experimenter, ExperimenterInfo),
            *(("channels", info, ChannelInfo) for info in self.channels.values()),
        ):
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"got {name}={value!r}, expected {kind.__name__}")


def _check_text(**values: object) -> None:
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"got {name}={value!r}, expected text")


def _check_one_of(known: tuple[str, ...], **values: str | None) -> None:
    for name, value in values.items():
        if value is not None and value not in known:
            raise ValueError(f"got {name}={value!r}, expected one of {', '.join(known)}")


def _check_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not 0 < value <= sys.float_info.max:
            raise ValueError(f"got {name}={value!r}, expected a positive number")

"""What a user says of a dataset; it goes before what metadata says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    fluor
        Name of the fluorophore.
    acquisition_mode
        One of OME's, such as "WideField", "LaserScanningConfocalMicroscopy" or "SpinningDiskConfocal".

    Raises
    ------
    ValueError
        A wavelength is not positive, or the colour is none.
    """

    color: tuple[int, int, int] | str | None = None
    excitation_nm: float | None = None
    emission_nm: float | None = None
    fluor: str | None = None
    acquisition_mode: str | None = None

    def __post_init__(self) -> None:
        _check_positive(excitation_nm=self.excitation_nm, emission_nm=self.emission_nm)
        if self.rgb is not None and (
            len(self.rgb) != _RGB or not all(0 <= value <= _MAX_COLOR for value in self.rgb)
        ):
            raise ValueError(f"got color={self.color!r}, expected red, green and blue from 0 to 255")

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """Red, green and blue."""
        if isinstance(self.color, str):
            digits = self.color.removeprefix("#")
            if len(digits) != 2 * _RGB:
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
    na
        Numerical aperture.
    immersion
        One of OME's: "Air", "Glycerol", "Multi", "Oil", "Other", "Water", "WaterDipping".

    Raises
    ------
    ValueError
        Magnification or aperture is not positive.
    """

    model: str | None = None
    manufacturer: str | None = None
    magnification: float | None = None
    na: float | None = None
    immersion: str | None = None

    def __post_init__(self) -> None:
        _check_positive(magnification=self.magnification, na=self.na)


@dataclass(frozen=True, slots=True)
class ExperimenterInfo:
    """Who recorded the dataset; without any of these, the user name of the summary metadata is taken."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    institution: str | None = None
    user_name: str | None = None


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


def _check_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"got {name}={value!r}, expected a positive number")

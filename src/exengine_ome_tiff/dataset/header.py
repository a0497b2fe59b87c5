"""The header of a dataset, which each of its files has."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from inspect import signature
from sys import float_info
from typing import Any, Literal, Self, TypeVar
from uuid import UUID, uuid4, uuid5

from exengine_ome_tiff.coordinates.acquisition_plan import AcquisitionPlan
from exengine_ome_tiff.coordinates.file_names import POSITION_ONLY, split_axes
from exengine_ome_tiff.coordinates.grouping import check_fold_axes
from exengine_ome_tiff.coordinates.keys import check_axis_names
from exengine_ome_tiff.coordinates.wells import PlateInfo
from exengine_ome_tiff.dataset.privacy import without
from exengine_ome_tiff.dataset.records import check_depth, encode_json, to_json
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.user_values import (
    ChannelInfo,
    ExperimenterInfo,
    FilterInfo,
    Given,
    LightSourceInfo,
    MicroscopeInfo,
    ObjectiveInfo,
)
from exengine_ome_tiff.text_format import excerpt_text
from exengine_ome_tiff.tiff import PageCoding
from exengine_ome_tiff.translate.values import is_plausible

T = TypeVar("T")

FORMAT_VERSION = 1

_UUID = re.compile("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""Exceptions while unexpected JSON is read."""


@dataclass(frozen=True, slots=True)
class Header:
    """Identity and options of a dataset.

    Parameters
    ----------
    dataset
        ``urn:uuid:...`` that the files of a folder share; also the UUID of their companion.
    is_folder
        Whether the dataset is a folder of files.
    summary_json
        Metadata of the whole dataset.
    fold_axes
        Extra axes inside images, each with "Z", "C" or "T", into which it is folded.
    plate
        The plate of the positions; None if they are not on a plate, whatever their names.
    coding
        Compression, tiles and pyramids of its pages.
    given
        Values from the user.
    plan
        The planned frames, if known.
    split_by
        Axes that split a folder into files, by their standard names.
    excluded
        Names of keys that were removed from the given summary; not in files.
    """

    dataset: str
    is_folder: bool
    summary_json: str
    fold_axes: Mapping[str, str] = field(default_factory=dict)
    plate: PlateInfo | None = field(default_factory=PlateInfo)
    coding: PageCoding = field(default_factory=PageCoding)
    given: Given = field(default_factory=Given)
    plan: AcquisitionPlan | None = None
    split_by: tuple[str, ...] = POSITION_ONLY
    excluded: frozenset[str] = field(default=frozenset(), compare=False)

    def __post_init__(self) -> None:
        check_fold_axes(self.fold_axes)
        if self.plate is not None and not isinstance(self.plate, PlateInfo):
            raise TypeError(
                f"got plate={self.plate!r}, expected a PlateInfo, or False for none: "
                "write plate=PlateInfo(rows=8, columns=12)"
            )

    @classmethod
    def new(
        cls,
        summary_metadata: object,
        fold_axes: Mapping[str, str] | None,
        plate: PlateInfo | Literal[False] | None,
        coding: PageCoding,
        given: Given,
        plan: object = None,
        split_by: Iterable[str] | None = None,
        *,
        is_folder: bool,
    ) -> Self:
        """Make the header of a new dataset from options of `TiffStorage`; same errors."""
        coding.require_codec()
        known_plate = PlateInfo() if plate is None else None if plate is False else plate
        summary_json = to_json(summary_metadata, set())[0]
        excluded = set[str]()
        if given.exclude_metadata:
            summary_json = encode_json(without(json.loads(summary_json), given.exclude_metadata, excluded))
        check_fold_axes({} if fold_axes is None else fold_axes)
        fold_axes, known_plan = dict(fold_axes or {}), AcquisitionPlan.of(plan)
        if split_by is not None and not is_folder:
            raise ValueError(
                "got split_by for a single file, expected a folder: use a path without .tif or .tiff"
            )
        split_by = POSITION_ONLY if split_by is None else split_axes(split_by, fold_axes)
        header = cls(
            uuid4().urn,
            is_folder,
            summary_json,
            fold_axes,
            known_plate,
            coding,
            given,
            known_plan,
            split_by,
            frozenset(excluded),
        )
        check_axis_names("fold_axes", header.fold_axes)  # not in files: earlier versions accepted blank names
        check_axis_names("split_by", header.split_by)
        header.encode()  # refuses options without a JSON form now rather than with the first frame
        return header

    def file_uuid(self, name: str) -> str:
        """Return ``urn:uuid:...`` of the file with this name, always the same."""
        return uuid5(UUID(self.dataset), name).urn

    def encode(self) -> bytes:
        """Return the header as JSON."""
        known = {
            "exengine_ome_tiff": FORMAT_VERSION,
            "dataset": self.dataset,
            "is_folder": self.is_folder,
            "modulo": dict(self.fold_axes),
            # pairs, because JSON would convert integer positions to text
            "plate": self.plate and asdict(self.plate) | {"wells": list(self.plate.wells.items())},
            "coding": asdict(self.coding),
            "given": _renamed(asdict(self.given), _FILE_NAMES)
            | {
                "channels": [
                    (name, _renamed(asdict(info), _FILE_NAMES)) for name, info in self.given.channels.items()
                ]
            },
        }
        if self.plan is not None:
            known["plan"] = self.plan.to_json()
        if self.split_by != POSITION_ONLY:
            known["split_by"] = self.split_by
        return f'{json.dumps(known)[:-1]}, "summary_metadata": {self.summary_json}}}'.encode("ascii")

    def to_dict(self) -> dict[str, Any]:
        """Return the header in JSON types."""
        known: dict[str, Any] = json.loads(self.encode())
        return known

    def options(self) -> dict[str, Any]:
        """Return the user's values under the names of the options and fields, without empty ones."""
        given: dict[str, Any] = _renamed(self.to_dict()["given"], _FIELD_NAMES)
        return {name: value for name, value in given.items() if value}

    @classmethod
    @lru_cache(maxsize=1)  # the files of a folder have the same
    def decode(cls, text: bytes) -> Self:
        """Read the JSON of a header.

        Raises
        ------
        OmeTiffError
            It is not a header, or a later format version.
        """
        try:
            header = json.loads(text)
            version = header["exengine_ome_tiff"]
        except _WRONG as error:
            raise OmeTiffError(f"not the header of a dataset: {excerpt_text(text)}") from error
        if version != FORMAT_VERSION:
            raise OmeTiffError(
                f"expected format version {FORMAT_VERSION}, got {version}: update this package"
            )
        try:
            if _UUID.fullmatch(header["dataset"]) is None or not isinstance(header["is_folder"], bool):
                raise ValueError("expected a UUID and is_folder as the identity of a dataset")
            given = _given(header["given"])
            return cls(
                header["dataset"],
                header["is_folder"],
                json.dumps(check_depth(header["summary_metadata"])),
                header["modulo"],
                _plate(header["plate"]),
                _known(PageCoding, header["coding"]),
                given,
                AcquisitionPlan.from_json(header["plan"]) if "plan" in header else None,
                split_axes(header.get("split_by", POSITION_ONLY), header["modulo"]),
                frozenset(given.exclude_metadata),  # the keys of the original summary are no longer known
            )
        except _WRONG as error:
            raise OmeTiffError(f"not the header of a dataset: {excerpt_text(text)}") from error


_parameters = lru_cache(lambda kind: tuple(signature(kind).parameters))


def _known(kind: type[T], written: dict[str, Any]) -> T:
    """Make a value of the fields that this version knows; a later version may write more."""
    named = {_FIELD_NAMES.get(name, name): value for name, value in written.items()}
    return kind(
        **{
            name: named[name]
            for name in _parameters(kind)  # type: ignore[arg-type] # a class can be hashed
            if name in named and not _is_out_of_range(name, named[name])
        }
    )


def _is_out_of_range(name: str, value: object) -> bool:
    """Whether an earlier version wrote a number that is now refused; no version wrote NaN."""
    is_written = isinstance(value, int | float) and 0 < value <= float_info.max
    return is_written and not is_plausible(name, value)


def _plate(written: dict[str, Any] | None) -> PlateInfo | None:
    return None if written is None else _known(PlateInfo, written | {"wells": dict(written["wells"])})


def _given(written: dict[str, Any]) -> Given:
    """Read the user's values from the JSON of a header."""
    objective, experimenter = written["objective"], written["experimenter"]
    microscope = written.get("microscope")  # which older files lack
    filters = {label: _known(FilterInfo, info) for label, info in written.get("filters", {}).items()}
    return _known(
        Given,
        written
        | {
            "channels": {name: _channel(info) for name, info in written["channels"]},
            "objective": objective and _known(ObjectiveInfo, objective),
            "experimenter": experimenter and _known(ExperimenterInfo, experimenter),
            "microscope": microscope and _known(MicroscopeInfo, microscope),
            "filters": filters,
        },
    )


def _channel(written: dict[str, Any]) -> ChannelInfo:
    light_source = written.get("light_source")
    return _known(
        ChannelInfo, written | {"light_source": light_source and _known(LightSourceInfo, light_source)}
    )


_FILE_NAMES = {"numerical_aperture": "na", "fluorophore": "fluor"}
"""Fields with different names in files, because the format has not changed."""
_FIELD_NAMES = {in_file: name for name, in_file in _FILE_NAMES.items()}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Rename fields, also inside other fields and lists."""
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if isinstance(value, dict):
        return {names.get(name, name): _renamed(each, names) for name, each in value.items()}
    return value

"""Annotations: what OME has no elements for, in namespaces of this package, and folded axes as OME Modulo."""

import json
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

from ome_types import model as m

from exengine_ome_tiff.coordinates.keys import value_text
from exengine_ome_tiff.coordinates.layout import PLANE_AXES, AxisValues, ImageLayout
from exengine_ome_tiff.ome.image_values import DatasetValues, OmeImage
from exengine_ome_tiff.ome.planes import QUANTITIES, Shared, not_acquired
from exengine_ome_tiff.ome.steps import even_steps
from exengine_ome_tiff.ome.text import PREFIX, RECORDS_ONLY, valid_key, valid_name, valid_text

# the last parts of the annotations' namespaces, and the content of each annotation
_COORDINATES = "coordinates"
"""The values that separate an image from the others, by axis, as JSON."""
_AXES = "axes"
"""The values of the axes inside an image, as JSON."""
_NOT_ACQUIRED = "not-acquired"
"""Planes that are black because no frame was put for them."""
_SHARED = "shared-values"
"""Attributes that only the first of several equal planes has."""
_METADATA = "metadata"
"""Metadata that is the same for all planes of an image."""
_PLANES = "metadata-by-plane"
"""Metadata that differs between planes: JSON lists in the order of the Plane elements."""
_SUMMARY = "summary"
"""The summary metadata, without private keys."""
_USER = "user"
"""The option ``annotations``."""

_MODULO_NAMESPACE = "openmicroscopy.org/omero/dimension/modulo"
_MODULO_SCHEMA = "http://www.openmicroscopy.org/Schemas/Additions/2011-09"
_MODULO_TYPES = ("angle", "phase", "tile", "lifetime", "lambda")
_MAX_NUMBER = 1 << 31
"""Readers compute Modulo steps as floating-point numbers."""

_LONG_AXIS = 20
_FREE_CHARACTERS = 1 << 18
_CHARACTERS_A_PLANE = 16
"""Maximum length of the metadata by plane in a document, because readers keep the OME-XML in memory."""
_LONG_VALUE = 10_000
_LONG_TEXT = 1 << 10
PLACEHOLDER = "\x80"
"""Surrounds the number of a placeholder; `valid_text` removes this character from all other text."""


class Annotations:
    """The annotations of a document.

    Parameters
    ----------
    about
        Values of the dataset.
    """

    def __init__(self, about: DatasetValues) -> None:
        self.element = m.StructuredAnnotations()
        self.long_texts: dict[str, str] = {}
        """Long values, by the placeholder that `element` has instead: it would be copied several times."""
        self._shared: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        self._room = _FREE_CHARACTERS
        self._of_all = [
            *self._add("summary", _SUMMARY, _bounded(about.summary)),
            *self._add("user", _USER, about.given.annotations),
        ]
        """IDs of the annotations that all images share."""

    def annotate(
        self, number: int, image: OmeImage, shared: Mapping[str, Shared] | None = None
    ) -> Iterator[str]:
        """Add the annotations of an image and yield their ids."""
        if image.layout.modulo:  # must come first for tifffile
            value, namespace = _modulo_xml(image.layout), _MODULO_NAMESPACE
            fields = {"id": f"Annotation:{number}:modulo", "namespace": namespace, "value": value}
            self.element.xml_annotations.append(m.XMLAnnotation.model_validate(fields))
            yield self.element.xml_annotations[-1].id
        coordinates = {axis: json.dumps(value) for axis, value in image.layout.labels}
        yield from self._map(number, _COORDINATES, coordinates)
        yield from self._map(number, _AXES, _axes(image))
        if missing := not_acquired(image.layout):
            yield from self._map(number, _NOT_ACQUIRED, {"ZCT and count": missing})
        alike = {QUANTITIES[name][0]: json.dumps([*each.axes]) for name, each in (shared or {}).items()}
        yield from self._map(number, _SHARED, alike)
        long = [key for key, text in image.values.tags.items() if len(text) > _LONG_VALUE]
        tags = {key: _shown(text) for key, text in image.values.tags.items() if key not in long}
        if long:
            tags[RECORDS_ONLY] = json.dumps(long)
        yield from self._map(number, _METADATA, tags)
        self._room += _CHARACTERS_A_PLANE * len(image.layout.acquired)
        yield from self._map(number, _PLANES, self._by_plane(image.values.columns))
        yield from self._of_all

    def _map(self, number: int, name: str, pairs: Mapping[str, str]) -> Iterator[str]:
        """Add a MapAnnotation, or reuse an equal one, and yield its ID; nothing if it would be empty."""
        if pairs:
            content = (name, tuple(pairs.items()))
            if content not in self._shared:
                (self._shared[content],) = self._add(f"{number}:{name}", name, pairs)
            yield self._shared[content]

    def _add(self, identifier: str, name: str, pairs: Mapping[str, str]) -> list[str]:
        """Add a MapAnnotation and return its ID; nothing if it would be empty."""
        if not pairs:
            return []
        values = m.Map(ms=[m.Map.M(k=valid_key(key), value=self._text(text)) for key, text in pairs.items()])
        note = m.MapAnnotation(id=f"Annotation:{identifier}", namespace=f"{PREFIX}{name}", value=values)
        self.element.map_annotations.append(note)
        return [note.id]

    def _text(self, text: str) -> str:
        """Return valid text, or the placeholder of a long one."""
        if len(text) <= _LONG_TEXT:
            return valid_text(text)
        placeholder = f"{PLACEHOLDER}{len(self.long_texts)}{PLACEHOLDER}"
        self.long_texts[placeholder] = text
        return placeholder

    def _by_plane(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return the columns for which there is room, the shortest first, and the names of the others."""
        lists, too_long = {}, [key for key, column in columns.items() if not column]
        kept = [key for key, column in columns.items() if column]
        for key in sorted(kept, key=lambda key: len(columns[key])):
            text = columns[key]
            if len(text) > self._room:
                too_long.append(key)
            else:
                self._room -= len(text)
                lists[key] = text
        return lists | ({RECORDS_ONLY: json.dumps(too_long)} if too_long else {})


def _bounded(summary: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the summary; leave out the longest if they are too long for the OME-XML."""
    room, kept = _FREE_CHARACTERS, set()
    for key in sorted(summary, key=lambda key: len(summary[key])):
        room -= len(summary[key])
        if room > 0:
            kept.add(key)
    shown = {key: _shown(text) for key, text in summary.items() if key in kept}
    long = [key for key in summary if key not in kept]
    return shown | ({RECORDS_ONLY: json.dumps(long)} if long else {})


def _shown(text: str) -> str:
    """Return a JSON string without its quotes, and other JSON unchanged."""
    value = json.loads(text)
    return value if isinstance(value, str) else text


def _axes(image: OmeImage) -> dict[str, str]:
    """List the values along each axis inside an image."""
    known = {f"{name} ({axis})": image.layout.values[axis] for axis, name in PLANE_AXES.items()}
    axes = {title: _axis(values) for title, values in known.items() if values != (None,)}
    folded = image.layout.modulo.items()
    return axes | {f"{name} (inside {axis})": _axis(values) for axis, (name, values) in folded}


def _axis(values: AxisValues) -> str:
    """List all values; write a long axis with even steps as ``range(start, stop, step)``."""
    steps = even_steps(values) if len(values) > _LONG_AXIS else None
    if steps is not None:
        return f"range({steps.first}, {steps.last + 1}, {steps.step})"
    return json.dumps(values)


def _modulo_xml(layout: ImageLayout) -> str:
    """Describe the axes folded into Z, C and T; see "6D, 7D and 8D storage" in OME's documentation."""
    # in no XML namespace: in OME's, a Label is the text of an ROI; with a prefix, Bio-Formats finds nothing
    root = ET.Element("Modulo", {"xmlns": "", "namespace": _MODULO_SCHEMA})
    for parent, (name, values) in layout.modulo.items():
        along = ET.SubElement(root, f"ModuloAlong{parent}", Type=name if name in _MODULO_TYPES else "other")
        if name not in _MODULO_TYPES:
            along.set("TypeDescription", valid_name(name))
        steps = even_steps(values)
        if steps is not None and max(map(abs, steps)) < _MAX_NUMBER:
            along.attrib |= {"Start": str(steps.first), "Step": str(steps.step), "End": str(steps.last)}
        else:
            for value in values:
                ET.SubElement(along, "Label").text = valid_name(value_text(value))
    return ET.tostring(root, encoding="unicode")

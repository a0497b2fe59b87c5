"""Annotations: what OME has no elements for, under namespaces of this package."""

import json
from collections.abc import Iterator, Mapping

from ome_types import model as m

from exengine_ome_tiff.coordinates.layout import PLANE_AXES, AxisValue
from exengine_ome_tiff.ome.image_values import DatasetValues, OmeImage
from exengine_ome_tiff.ome.modulo import MODULO_NAMESPACE, modulo_xml
from exengine_ome_tiff.ome.planes import QUANTITIES, Shared, not_acquired
from exengine_ome_tiff.ome.steps import even_steps
from exengine_ome_tiff.ome.text import RECORDS_ONLY, valid_key, valid_text

COORDINATES_NAMESPACE = "urn:exengine-ome-tiff:coordinates"
"""Namespace of the MapAnnotation that keeps what tells an image from the others: values by axis, as JSON."""
AXES_NAMESPACE = "urn:exengine-ome-tiff:axes"
"""Namespace of the MapAnnotation that keeps the values of the axes inside an image, as JSON."""
NOT_ACQUIRED_NAMESPACE = "urn:exengine-ome-tiff:not-acquired"
"""Namespace of the MapAnnotation that names planes which show black because no frame was put for them."""
SHARED_NAMESPACE = "urn:exengine-ome-tiff:shared-values"
"""Namespace of the MapAnnotation that names attributes which only the first of like planes has."""

METADATA_NAMESPACE = "urn:exengine-ome-tiff:metadata"
"""Namespace of the MapAnnotation that keeps metadata that all planes of an image have alike."""
PLANES_NAMESPACE = "urn:exengine-ome-tiff:metadata-by-plane"
"""Namespace of the MapAnnotation that keeps metadata that differs: JSON lists in the order of Planes."""

SUMMARY_NAMESPACE = "urn:exengine-ome-tiff:summary"
"""Namespace of the MapAnnotation that keeps the summary metadata, but for what is private."""

USER_NAMESPACE = "urn:exengine-ome-tiff:user"
"""Namespace of the MapAnnotation that keeps what the option ``annotations`` says."""

_LONG_AXIS = 20
_FREE_CHARACTERS = 1 << 18
_CHARACTERS_A_PLANE = 16
"""How long the metadata by plane of a document may be: readers keep the OME-XML in memory."""
_LONG_VALUE = 10_000


class Annotations:
    """The annotations of a document.

    Parameters
    ----------
    about
        What is known of the dataset as a whole.
    """

    def __init__(self, about: DatasetValues) -> None:
        self.element = m.StructuredAnnotations()
        self._shared: dict[tuple[str, str], str] = {}
        self._room = _FREE_CHARACTERS
        self._of_all = [
            *self._add("summary", SUMMARY_NAMESPACE, _bounded(about.summary)),
            *self._add("user", USER_NAMESPACE, about.annotations),
        ]
        """Ids of annotations that all images have."""

    def annotate(
        self, number: int, image: OmeImage, shared: Mapping[str, Shared] | None = None
    ) -> Iterator[str]:
        """Add the annotations of an image and yield their ids."""
        modulo = modulo_xml(image.layout)
        if modulo is not None:  # the first one, as tifffile asks for
            fields = {"id": f"Annotation:{number}:modulo", "namespace": MODULO_NAMESPACE, "value": modulo}
            self.element.xml_annotations.append(m.XMLAnnotation.model_validate(fields))
            yield self.element.xml_annotations[-1].id
        coordinates = {axis: json.dumps(value) for axis, value in image.layout.labels}
        yield from self._map(number, COORDINATES_NAMESPACE, coordinates)
        yield from self._map(number, AXES_NAMESPACE, _axes(image))
        if missing := not_acquired(image.layout):
            yield from self._map(number, NOT_ACQUIRED_NAMESPACE, {"ZCT and count": json.dumps(missing)})
        alike = {QUANTITIES[name][0]: json.dumps([*each.axes]) for name, each in (shared or {}).items()}
        yield from self._map(number, SHARED_NAMESPACE, alike)
        long = [key for key, text in image.values.tags.items() if len(text) > _LONG_VALUE]
        tags = {key: _shown(text) for key, text in image.values.tags.items() if key not in long}
        if long:
            tags[RECORDS_ONLY] = json.dumps(long)
        yield from self._map(number, METADATA_NAMESPACE, tags)
        self._room += _CHARACTERS_A_PLANE * int((image.layout.frames >= 0).sum())
        yield from self._map(number, PLANES_NAMESPACE, self._by_plane(image.values.columns))
        yield from self._of_all

    def _map(self, number: int, namespace: str, pairs: Mapping[str, str]) -> Iterator[str]:
        """Add a MapAnnotation, or share one that is there already; none where it would be empty."""
        if not pairs:
            return
        content = (namespace, json.dumps(pairs))
        if content not in self._shared:
            (self._shared[content],) = self._add(f"{number}:{namespace.rpartition(':')[2]}", namespace, pairs)
        yield self._shared[content]

    def _add(self, name: str, namespace: str, pairs: Mapping[str, str]) -> list[str]:
        """Add a MapAnnotation and return its id; none where it would be empty."""
        if not pairs:
            return []
        pairs_ = [m.Map.M(k=valid_key(key), value=valid_text(text)) for key, text in pairs.items()]
        note = m.MapAnnotation(id=f"Annotation:{name}", namespace=namespace, value=m.Map(ms=pairs_))
        self.element.map_annotations.append(note)
        return [note.id]

    def _by_plane(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return the columns for which there is room, the shortest first, and the names of the others."""
        lists, too_long = {}, [key for key, column in columns.items() if not column]
        kept = [key for key in columns if key not in too_long]
        for key in sorted(kept, key=lambda key: len(columns[key])):
            text = columns[key]
            if len(text) > self._room:
                too_long.append(key)
            else:
                self._room -= len(text)
                lists[key] = text
        return lists | ({RECORDS_ONLY: json.dumps(too_long)} if too_long else {})


def _bounded(summary: Mapping[str, str]) -> dict[str, str]:
    """Show the values of the summary, the shortest ones first where they are too long for the OME-XML."""
    room, kept = _FREE_CHARACTERS, set()
    for key in sorted(summary, key=lambda key: len(summary[key])):
        room -= len(summary[key])
        if room > 0:
            kept.add(key)
    shown = {key: _shown(text) for key, text in summary.items() if key in kept}
    long = [key for key in summary if key not in kept]
    return shown | ({RECORDS_ONLY: json.dumps(long)} if long else {})


def _shown(text: str) -> str:
    """Show a string as it is, and other JSON as JSON."""
    value = json.loads(text)
    return value if isinstance(value, str) else text


def _axes(image: OmeImage) -> dict[str, str]:
    """List the values along each axis inside an image that frames had."""
    axes = {}
    for axis, name in PLANE_AXES.items():
        values = image.layout.values[axis]
        if values != (None,):
            axes[f"{name} ({axis})"] = _axis(values)
    for axis, (name, values) in image.layout.modulo.items():
        axes[f"{name} (inside {axis})"] = _axis(values)
    return axes


def _axis(values: tuple[AxisValue, ...]) -> str:
    """All values, or ``range(start, stop, step)`` for a long axis of even steps."""
    steps = even_steps(values) if len(values) > _LONG_AXIS else None
    if steps is not None:
        return f"range({steps.first}, {steps.last + 1}, {steps.step})"
    return json.dumps(values)

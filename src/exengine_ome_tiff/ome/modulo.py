"""Axes that are kept inside of Z, C and T: OME's 6D, 7D and 8D storage.

Source: "6D, 7D and 8D storage" in the documentation of the OME data model.
"""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.ome.text import valid_name

MODULO_NAMESPACE = "openmicroscopy.org/omero/dimension/modulo"

_SCHEMA = "http://www.openmicroscopy.org/Schemas/Additions/2011-09"
_TYPES = ("angle", "phase", "tile", "lifetime", "lambda")
_MAX_NUMBER = 1 << 31  # readers calculate with steps as floating-point numbers


def modulo_xml(layout: ImageLayout) -> str | None:
    """Describe the axes inside of Z, C and T of an image, None where there are none."""
    if not layout.modulo:
        return None
    # in no XML namespace: in OME's, a Label is the text of an ROI; with a prefix, Bio-Formats finds nothing
    root = ET.Element("Modulo", {"xmlns": "", "namespace": _SCHEMA})
    for parent, (name, values) in layout.modulo.items():
        along = ET.SubElement(root, f"ModuloAlong{parent}", Type=name if name in _TYPES else "other")
        if name not in _TYPES:
            along.set("TypeDescription", valid_name(name))
        steps = _even_steps(values)
        if steps is not None:
            start, step, end = steps
            along.attrib |= {"Start": str(start), "Step": str(step), "End": str(end)}
        else:
            for value in values:
                ET.SubElement(along, "Label").text = valid_name("(none)" if value is None else str(value))
    return ET.tostring(root, encoding="unicode")


def _even_steps(values: Sequence[AxisValue]) -> tuple[int, int, int] | None:
    """Return first value, step and last value of numbers with even steps."""
    numbers = [value for value in values if isinstance(value, int) and abs(value) < _MAX_NUMBER]
    if len(numbers) < len(values):
        return None
    first, last = numbers[0], numbers[-1]
    step = numbers[1] - first if len(numbers) > 1 else 1
    return (first, step, last) if numbers == list(range(first, last + 1, step)) else None

"""Axes that are kept inside Z, C and T: OME's 6D, 7D and 8D storage.

Source: "6D, 7D and 8D storage" in the documentation of the OME data model.
"""

from xml.etree import ElementTree as ET

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.coordinates.axis_text import value_text
from exengine_ome_tiff.ome.steps import even_steps
from exengine_ome_tiff.ome.text import valid_name

MODULO_NAMESPACE = "openmicroscopy.org/omero/dimension/modulo"

_SCHEMA = "http://www.openmicroscopy.org/Schemas/Additions/2011-09"
_TYPES = ("angle", "phase", "tile", "lifetime", "lambda")
_MAX_NUMBER = 1 << 31  # readers calculate with steps as floating-point numbers


def modulo_xml(layout: ImageLayout) -> str | None:
    """Describe the axes inside Z, C and T of an image, None if there are none."""
    if not layout.modulo:
        return None
    # in no XML namespace: in OME's, a Label is the text of an ROI; with a prefix, Bio-Formats finds nothing
    root = ET.Element("Modulo", {"xmlns": "", "namespace": _SCHEMA})
    for parent, (name, values) in layout.modulo.items():
        along = ET.SubElement(root, f"ModuloAlong{parent}", Type=name if name in _TYPES else "other")
        if name not in _TYPES:
            along.set("TypeDescription", valid_name(name))
        steps = even_steps(values)
        if steps is not None and max(map(abs, steps)) < _MAX_NUMBER:
            along.attrib |= {"Start": str(steps.first), "Step": str(steps.step), "End": str(steps.last)}
        else:
            for value in values:
                ET.SubElement(along, "Label").text = valid_name(value_text(value))
    return ET.tostring(root, encoding="unicode")

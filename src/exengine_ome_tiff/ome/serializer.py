"""OME models as XML text, as `ome_types.to_xml` makes it.

`to_xml` inspects all classes of the models again for each document. A folder of 1,000 positions has 1,001
documents, and most of the time of `finish` would go into that. With an ome-types that has no such
serializer, `to_xml` makes the text.
"""

from functools import cache

from ome_types import OME, to_xml
from pydantic import BaseModel

try:
    from xsdata_pydantic_basemodel import bindings  # what ome-types 0.7 works with
except ImportError:
    bindings = None  # type: ignore[assignment]
_is_known = bindings is not None
"""Whether this ome-types works as 0.7 does."""

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def xml_text(document: OME) -> str:
    """Return a document as XML without a declaration and without white space between elements."""
    if not _is_known:
        return to_xml(document, indent=0)
    _mark_filled(document)
    return _serializer().render(document, ns_map={None: _NAMESPACE})


@cache
def _serializer() -> "bindings.XmlSerializer":
    """Return the serializer, which remembers what it found out about the classes of the models."""
    config = bindings.SerializerConfig(
        xml_declaration=False,
        ignore_unset_attributes=True,
        schema_location=f"{_NAMESPACE} {_NAMESPACE}/ome.xsd",
    )
    return bindings.XmlSerializer(context=bindings.XmlContext(), config=config)


def _mark_filled(element: BaseModel) -> None:
    """Count all lists with items as set, as pydantic does not see what is appended to a list."""
    for name in type(element).model_fields:
        value = getattr(element, name)
        if isinstance(value, list) and value:
            element.model_fields_set.add(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, BaseModel):
                _mark_filled(each)

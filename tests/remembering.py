"""Remembers what pydantic and xsdata find out about the classes of ome-types for each document."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

from pydantic._internal import _fields
from xsdata.formats.dataclass.models.builders import XmlMetaBuilder

_build = XmlMetaBuilder.build


@cache
def _model(class_type, element_name, attribute_name, clazz, namespace):
    builder = XmlMetaBuilder(class_type, element_name, attribute_name)
    return _build(builder, clazz, namespace)


def _remembered(builder: XmlMetaBuilder, clazz: type, parent_namespace: str | None) -> Any:
    if builder.globalns is not None:
        return _build(builder, clazz, parent_namespace)
    names = builder.element_name_generator, builder.attribute_name_generator
    return _model(builder.class_type, *names, clazz, parent_namespace)


def remember_models() -> None:
    """Study a model class once, not once for each document: a third of many tests' time."""
    XmlMetaBuilder.build = _remembered
    if hasattr(_fields, "takes_validated_data_argument"):
        # pydantic parses the signature of each default's factory again and again: a tenth of many tests' time
        _fields.takes_validated_data_argument = cache(_fields.takes_validated_data_argument)


def keep_what_is_there() -> None:
    """Collect garbage less often, and without what is imported, a million objects that stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

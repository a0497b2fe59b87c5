"""The reference tells of everything that is public."""

import re
from pathlib import Path

import pytest

import exengine_ome_tiff

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "api.rst"
DESCRIBED = set(
    re.findall(r"^\.\. auto\w+:: exengine_ome_tiff\.(\w+)$", REFERENCE.read_text("utf-8"), re.MULTILINE)
)


def test_the_reference_has_all_public_names_and_no_other():
    assert set(exengine_ome_tiff.__all__) - {"__version__"} == DESCRIBED


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_what_is_public_has_a_docstring_of_its_own(name):
    public = getattr(exengine_ome_tiff, name)
    assert public.__doc__
    assert not public.__doc__.startswith(f"{name}("), "made by dataclasses"


def test_all_methods_of_a_storage_are_described():
    storage = exengine_ome_tiff.TiffStorage
    public = [name for name in dir(storage) if not name.startswith("_")]
    assert {"put", "finish", "get_data", "as_array"} <= {*public}
    assert [name for name in public if not getattr(storage, name).__doc__] == []

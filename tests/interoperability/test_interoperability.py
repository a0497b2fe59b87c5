"""Each reader sees the dataset as in the table in the documentation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interoperability.table import READERS, make_datasets, render, shown


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    return make_datasets(tmp_path_factory.mktemp("interoperability"))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_reader_sees_what_the_table_states(reader, datasets):
    reason = reader.missing()
    if reason is not None:
        pytest.skip(f"{reader.name}: {reason}")
    seen = reader.read(datasets[reader.folder])
    assert seen == reader.expected
    assert seen.version


def test_the_documentation_has_the_same_table():
    table = shown()
    rows = {reader.name: replace(reader.expected, version=table.get(reader.name, "?")) for reader in READERS}
    assert table[""] == render(rows)

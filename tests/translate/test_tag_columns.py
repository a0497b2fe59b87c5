"""Columns of tags return any rows, at a cost that does not depend on other rows."""

import json
import math

import numpy as np
import pytest

from exengine_ome_tiff.translate import tag_columns
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.tag_columns import TagColumns

FRAMES = 2500


def tags_of(number):
    return {
        "same": "always",
        "late": "then" if number < 1500 else "now",
        "float": number / 7 if number % 900 else math.nan,
        "int": number,
        "large": 1 << 70 if number == 1100 else number,
        "text": f'"{number}"\n',
        "mixed": [None, True, 1, 1.0, "1", [number], {"of": "it"}][number % 7],
    }


@pytest.fixture(scope="module")
def columns():
    filled = TagColumns(tags_of(0))
    for number in range(FRAMES):
        assert filled.add(tags_of(number)) == number
    return filled


@pytest.mark.parametrize(
    "rows",
    [[], [0], [1023, 1024, 1499, 1500], [2499, 7, 7, 1100, 900, 0], range(FRAMES), range(FRAMES - 1, 0, -50)],
    ids=len,
)
def test_any_rows_are_returned_in_any_order(columns, rows):
    for key in columns.keys:
        found = columns.texts(key, np.array(rows, np.int64))
        assert [*found] == [
            json.dumps("NaN" if tags_of(row)[key] != tags_of(row)[key] else tags_of(row)[key]) for row in rows
        ]


def test_other_rows_are_not_unpacked(columns, monkeypatch):
    seen, unpacked = [], tag_columns._unpacked
    monkeypatch.setattr(
        tag_columns, "_unpacked", lambda packed, rows: seen.append(len(rows)) or unpacked(packed, rows)
    )
    columns.texts("text", np.arange(3, FRAMES, 50))
    assert sum(seen) == FRAMES / 50


def test_sets_of_values_are_numbered_in_order_of_arrival(columns):
    rows = np.array([1600, 1400, 1601, 1403, 1407])
    which, sets = columns.distinct(["mixed", "same", "late"], rows)
    assert [{key: json.loads(text) for key, text in sets[number].items()} for number in which] == [
        {key: tags_of(row)[key] for key in ("same", "late", "mixed")} for row in rows.tolist()
    ]
    assert [*dict.fromkeys(which.tolist())] == [*range(len(sets))]


def test_recurring_states_form_one_group_each():
    """At most 256 groups of frames are examined, so alternating channels must not form new ones."""
    settings = {name: [{"dev": "Cam", "prop": "Gain", "val": name}] for name in "ab"}
    presets = [{"name": name, "settings": each} for name, each in settings.items()]
    interpreter = Interpreter()
    for number in range(600):
        event = {"channel": {"config": "ab"[number % 2], "group": "Channel"}}
        interpreter.read({"camera_device": "Cam", "mda_event": event})
    facts = interpreter.facts({"config_groups": [{"name": "Channel", "presets": presets}]})
    groups = facts.groups(np.arange(600))
    assert [group.frames.tolist() for group in groups] == [[*range(0, 600, 2)], [*range(1, 600, 2)]]

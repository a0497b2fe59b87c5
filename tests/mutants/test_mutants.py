"""Tests notice small wrong changes: one of each room is tried with ``--thorough``, all by `tests/mutants`."""

import pytest
from rooms import MUTANTS, ROOMS
from trial import changed, check_tests, is_noticed

SAMPLE = [room.MUTANTS[0] for room in ROOMS]


def test_there_are_mutants_in_all_rooms():
    assert len(MUTANTS) == len({(each.file, each.old, each.new) for each in MUTANTS}) >= 150
    assert {each.file.partition("/")[0] for each in MUTANTS} >= {
        *(
            "cli",
            "demo",
            "conversion",
            "export",
            "inspection",
            "tiff_storage.py",
            "reading",
            "repair",
            "writing",
        ),
        *("dataset", "ome", "tiff", "coordinates", "translate", "findings.py", "text_format.py"),
    }


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_mutants_are_up_to_date(room):
    for mutant in room.MUTANTS:
        compile(changed(mutant), mutant.file, "exec")
        check_tests(mutant)


@pytest.mark.thorough
@pytest.mark.parametrize("mutant", SAMPLE, ids=lambda mutant: mutant.file)
def test_a_wrong_change_is_noticed(mutant):
    assert is_noticed(mutant)

"""The tests that run by default have every case, and of three parameters every pair."""

from itertools import combinations, product

import pytest

from covering import covering, is_wanted

NAMES = "first", "second", "third"


@pytest.mark.parametrize("sizes", [(3,), (4, 3), (7, 1, 5), (10, 4, 2, 2)], ids=str)
def test_all_cases_are_covered(sizes):
    combined = list(product(*map(range, sizes)))
    chosen = [combined[rank] for rank in sorted(covering(combined))]
    varied = [place for place, size in enumerate(sizes) if size > 1]
    for together in combinations(varied, 2 if len(varied) > 2 else 1):
        assert {tuple(cases[place] for place in together) for cases in chosen} == {
            tuple(cases[place] for place in together) for cases in combined
        }
    largest = sorted(sizes)[::-1]
    assert len(chosen) == (largest[0] * largest[1] if len(varied) > 2 else largest[0])


def test_each_row_of_a_table_is_a_case():
    rows, values = [(1, 1), (1, 2), (2, 1)], (1, 2)
    combined = list(product(rows, values))
    chosen = [combined[rank] for rank in covering(combined)]
    assert {row for row, _ in chosen} == {*rows}
    assert {value for _, value in chosen} == {*values}


def test_each_case_is_combined_with_all_of_another():
    combined = list(product(range(10), ("file", "folder")))
    chosen = [combined[rank] for rank in covering(combined)]
    assert [name for _, name in chosen].count("folder") == 5


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("third", [1, 2])
def test_a_test_with_a_table(request, first, second, third):
    """Pytest runs three of its six combinations."""
    siblings = [item for item in request.session.items if item.originalname == request.node.originalname]
    if is_wanted(request.config):
        assert len(siblings) == 3
        run = [tuple(item.callspec.params[name] for name in NAMES) for item in siblings]
        assert {each[:2] for each in run} == {(1, 1), (1, 2), (2, 1)}
        assert {each[2] for each in run} == {1, 2}
        assert (first, second, third) in run

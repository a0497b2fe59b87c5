"""Combinations of parameters that run by default: a covering part; ``--thorough`` runs all.

Each case of each ``parametrize`` runs. A test that combines two of them, or fixtures with parameters, runs
with each case of both; a test that combines three or more runs with each pair of cases.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

from effort import is_thorough

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import pytest


def is_wanted(config: pytest.Config) -> bool:
    """Whether to leave out combinations: not with ``--thorough`` or named tests."""
    is_named = config.option.keyword or any("[" in argument for argument in config.args)
    return not (is_thorough() or is_named)


def left_out(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return the tests that are not needed to cover all cases."""
    functions: dict[str, list[Any]] = {}
    for item in items:
        if hasattr(item, "callspec"):
            functions.setdefault(item.nodeid.partition("[")[0], []).append(item)
    found = set()
    for group in functions.values():
        chosen = covering([_cases(item) for item in group])
        found.update(item for rank, item in enumerate(group) if rank not in chosen)
    return found


def _cases(item: Any) -> tuple[Hashable, ...]:
    """Return the cases that a test combines, one per `parametrize` and parametrized fixture."""
    values = {name: id(value) for name, value in item.callspec.params.items()}
    cases: list[Hashable] = []
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0]
        together = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
        cases.append(tuple(values.pop(name, None) for name in together))
    return (*cases, *(value for _, value in sorted(values.items())))


def covering(combined: Sequence[tuple[Hashable, ...]]) -> set[int]:
    """Choose combinations of cases; return their ranks."""
    varied = [place for place, cases in enumerate(zip(*combined, strict=True)) if len(set(cases)) > 1]
    if len(varied) < 2:
        return set(range(len(combined)))
    together = 1 if len(varied) == 2 else 2
    covered = [
        {(places, tuple(cases[place] for place in places)) for places in combinations(varied, together)}
        for cases in combined
    ]
    missing, chosen, uses = set().union(*covered), set(), Counter()

    def gain(rank: int) -> tuple[int, int]:
        return len(covered[rank] & missing), -sum(uses[each] for each in enumerate(combined[rank]))

    while missing:  # always what covers most, of those what has the cases that were chosen least
        best = max(range(len(covered)), key=gain)
        chosen.add(best)
        missing -= covered[best]
        uses.update(enumerate(combined[best]))
    return chosen

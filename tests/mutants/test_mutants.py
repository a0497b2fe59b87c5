"""Tests notice small wrong changes; all of them are tried with ``--thorough``."""

import pytest
from trial import changed, notices

from mutants import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}-{mutant.new}")
def test_what_is_changed_is_there(mutant):
    assert mutant.new in changed(mutant)
    compile(changed(mutant), mutant.file, "exec")


@pytest.mark.thorough
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}-{mutant.new}")
def test_a_wrong_change_is_noticed(mutant):
    assert notices(mutant)

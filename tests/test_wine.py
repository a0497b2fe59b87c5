"""Processes under Wine are started once more where that failed; see `wine`."""

from __future__ import annotations

import pytest

from wine import once_more


@pytest.mark.parametrize("n_failures", [0, 1, 2])
def test_starts_a_second_time(n_failures):
    errors = [OSError(1359, "internal error")] * n_failures

    def start(*, number):
        if errors:
            raise errors.pop()
        return number

    if n_failures < 2:
        assert once_more(start)(number=7) == 7
    else:
        with pytest.raises(OSError, match="internal error"):
            once_more(start)(number=7)

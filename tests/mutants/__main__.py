"""Try whether tests notice small wrong changes: ``python tests/mutants [PART OF A FILE NAME]``."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from subprocess import TimeoutExpired

from rooms import MUTANTS
from trial import OutdatedMutantError, is_noticed

_PROCESSES = 2
_ENOUGH = 0.95
"""The part of all mutants that tests must notice."""


def main(part: str) -> int:
    """Try the mutants of some files; return the exit status."""
    mutants = [mutant for mutant in MUTANTS if part in mutant.file]
    missed, faults = [], []
    with ThreadPoolExecutor(_PROCESSES) as pool:
        trials = {pool.submit(is_noticed, mutant): mutant for mutant in mutants}
        for number, trial in enumerate(as_completed(trials), 1):
            try:
                answer = "noticed" if trial.result() else "MISSED"
                missed += [trials[trial]] if answer == "MISSED" else []
            except (OutdatedMutantError, RuntimeError, TimeoutExpired) as error:
                answer = "FAULT"
                faults.append(f"{type(error).__name__}: {error}")
            print(f"{number} of {len(mutants)}: {answer}: {trials[trial]}", flush=True)
    for mutant in missed:
        print(f"no test notices {mutant}", file=sys.stderr)
    for fault in faults:
        print(fault, file=sys.stderr)
    noticed = len(mutants) - len(missed) - len(faults)
    print(f"{noticed} of {len(mutants)} mutants were noticed")
    return 0 if mutants and not faults and noticed >= _ENOUGH * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))

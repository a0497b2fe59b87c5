"""Try whether tests notice small wrong changes: ``python tests/mutants [PART OF A FILE NAME]``."""

from __future__ import annotations

import sys
from pathlib import Path

from trial import notices

from mutants import MUTANTS


def main(part: str) -> int:
    missed = [mutant for mutant in MUTANTS if part in mutant.file and not notices(mutant)]
    for mutant in missed:
        print(f"{mutant.file}: no test notices {mutant.new!r} for {mutant.old!r}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))

"""Small wrong changes, one module a room; the first of each room runs with ``--thorough``, so it is fast."""

from importlib import import_module
from pkgutil import iter_modules

ROOMS = tuple(import_module(f"{__name__}.{room.name}") for room in iter_modules(__path__))
MUTANTS = [mutant for room in ROOMS for mutant in room.MUTANTS]

"""Small wrong changes of all rooms; the first one of each runs with ``--thorough``, so it is a fast one."""

from rooms import (
    cli,
    conversion,
    coordinates,
    dataset,
    demo,
    inspection,
    ome,
    plain_modules,
    reading,
    repair,
    tiff,
    tiff_storage,
    translate,
    writing,
)

ROOMS = (
    cli,
    conversion,
    coordinates,
    dataset,
    demo,
    inspection,
    ome,
    plain_modules,
    reading,
    repair,
    tiff,
    tiff_storage,
    translate,
    writing,
)
MUTANTS = [mutant for room in ROOMS for mutant in room.MUTANTS]

"""Plans become a few products of axes, and list missing frames."""

from itertools import product
from types import SimpleNamespace

import pytest

from exengine_ome_tiff.coordinates.acquisition_plan import AcquisitionPlan
from exengine_ome_tiff.coordinates.keys import standard_names


def event(pos_name=None, config=None, action="acquire_image", **index):
    channel = None if config is None else SimpleNamespace(config=config)
    return SimpleNamespace(
        index=index, channel=channel, pos_name=pos_name, action=SimpleNamespace(type=action)
    )


def missing(plan, frames):
    return AcquisitionPlan.of(plan).missing(frames, standard_names(axis for each in frames for axis in each))


def test_missing_frames_are_listed():
    plan = {"t": 3, "channel": ["DAPI", "GFP"]}
    frames = [{"time": t, "channel": c, "z": z} for t, c, z in product(range(2), ("DAPI", "GFP"), (0, 1))]
    assert missing(plan, frames) == (6, 2, ["t=2"])
    assert missing(plan, [*frames, {"time": 2, "channel": "GFP", "z": 0}]) == (6, 1, [])
    assert missing(plan, []) == (6, 6, [])


def test_events_become_few_products():
    events = [
        event(pos, config, t=t, p=p, c=c, z=z)
        for t in range(4)
        for p, pos in enumerate(("A1", "A2", "A3"))
        for c, config in enumerate(("DAPI", "GFP"))
        for z in range(5 if config == "DAPI" else 1)  # one plane of GFP, as without do_stack
    ]
    plan = AcquisitionPlan.of([*events, event(t=9, action="hardware_autofocus")])
    assert plan.n_frames == len(events) == 4 * 3 * 6
    assert len(plan.products) == 2
    assert plan.to_json()[0] == {"time": 4, "position": ["A1", "A2", "A3"], "channel": ["DAPI"], "z": 5}
    assert AcquisitionPlan.from_json(plan.to_json()) == plan
    came = [
        {"time": t, "position": p, "channel": "DAPI", "z": z}
        for t, p, z in product(range(4), ("A1", "A2"), range(5))
    ]
    assert plan.missing(came, {}) == (72, 72 - 40, ["position=A3", "channel=GFP,z=0"])


def test_none_and_empty_event_lists_give_no_plan():
    assert AcquisitionPlan.of(None) is None
    assert AcquisitionPlan.of([]) is None


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        ({}, ValueError),
        ({"time": 0}, ValueError),
        ({"": 3}, ValueError),
        ({"time": 3, " ": ["a"]}, ValueError),
        ({"time": 10**12}, ValueError),
        ({"time": "3"}, TypeError),
        ({"time": [0.5]}, TypeError),
        (iter([]), TypeError),
        ([3], TypeError),
        (7, TypeError),
    ],
)
def test_invalid_plans_are_refused(plan, error):
    with pytest.raises(error, match=r"plan|axis"):
        AcquisitionPlan.of(plan)

"""The states of a dataset that is written."""

from enum import Enum


class State(Enum):
    """What a recorder does; each value is what `repr` of a storage says."""

    WRITING = "writing"
    """Takes frames."""
    ENDING = "ending"
    """Takes no more frames; its files are not finished, or could not be."""
    FINISHED = "finished"
    """Its files are OME-TIFF, or there are none, as no frame was put."""
    SUSPENDED = "suspended"
    """Its files are closed without being finished."""

    def to(self, state: "State") -> "State":
        """Return the next state.

        Raises
        ------
        RuntimeError
            No such step is legal.
        """
        if state is not self and state not in _NEXT[self]:
            raise RuntimeError(f"a dataset that is {self.value} cannot become {state.value}")
        return state

    @property
    def is_over(self) -> bool:
        """Whether the recorder has let go of the files."""
        return self in _OVER


_NEXT = {
    State.WRITING: {State.ENDING},
    State.ENDING: {State.FINISHED, State.SUSPENDED},
    State.FINISHED: set[State](),
    State.SUSPENDED: set[State](),
}
_OVER = (State.FINISHED, State.SUSPENDED)
"""A tuple, which compares by identity: a look-up would compute the hash of an enum for each frame."""

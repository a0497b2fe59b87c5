"""The states of a recorder."""

from enum import Enum


class State(Enum):
    """State of a recorder; the values are part of the `repr` of a storage."""

    WRITING = "writing"
    """Accepts frames."""
    ENDING = "ending"
    """Accepts no more frames; its files are not finished yet, or could not be finished."""
    FINISHED = "finished"
    """Its files are OME-TIFF, or there are none because no frame was put."""
    SUSPENDED = "suspended"
    """Its files are closed, but not finished."""

    def to(self, state: "State") -> "State":
        """Return the next state.

        Raises
        ------
        RuntimeError
            This transition is not allowed.
        """
        if state is not self and state not in _NEXT[self]:
            raise RuntimeError(f"a dataset that is {self.value} cannot become {state.value}")
        return state

    @property
    def is_over(self) -> bool:
        """Whether the recorder has released the files."""
        return self in _OVER


_NEXT = {
    State.WRITING: {State.ENDING},
    State.ENDING: {State.FINISHED, State.SUSPENDED},
    State.FINISHED: set[State](),
    State.SUSPENDED: set[State](),
}
_OVER = (State.FINISHED, State.SUSPENDED)
"""A tuple, which is searched by identity; a set would hash an enum for each frame."""

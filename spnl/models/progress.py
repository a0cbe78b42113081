"""Who is told how the fetching of files goes: the command line draws it, a library may stay silent."""

from __future__ import annotations


class Progress:
    """Told of a fetch while it goes on; every method may be left as it is. Called in the fetching thread."""

    def begin(self, what: str, size: int, done: int) -> None:
        """A fetch begins: `what` for people, `size` bytes in all, of which `done` are here already."""

    def at(self, done: int) -> None:
        """So many of the bytes are here now; fewer than before where some had to be thrown away."""

    def note(self, text: str) -> None:
        """Something that a user should know: a wait, another try."""

    def end(self, completed: bool) -> None:
        """The fetch is over; what is here of it stays here, also where it is not complete."""

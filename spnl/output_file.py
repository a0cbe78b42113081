"""A file that is written whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from spnl.errors import UsageError


class OutputFile(io.BytesIO):
    """Collects bytes; `commit` puts them in the place of the file at once.

    Whether the file can be written is checked when this is made, before any work is done for it. What is
    neither a file nor missing (a pipe, a terminal, `/dev/null`) is written to as it stands.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._shown = path
        self._path = Path(os.path.realpath(path))
        try:
            self._replace = not self._path.exists() or stat.S_ISREG(self._path.stat().st_mode)
            place = self._path.parent if self._replace else self._path
            usable = place.is_dir() == self._replace and os.access(place, os.W_OK)
            if self._path.is_dir():
                raise UsageError("bad-output", f"{path} is a folder", helps=("name a file in it",))
        except OSError as error:
            raise self._unwritable(error) from None
        if not usable:
            if self._replace and not place.is_dir():
                message, help = f"{path} cannot be written: there is no such folder", "make its folder first"
            else:
                message, help = f"{path} cannot be written: permission denied", "name another file"
            raise UsageError("bad-output", message, helps=(help,))

    def commit(self) -> None:
        """Write the file."""
        try:
            if not self._replace:
                self._path.write_bytes(self.getvalue())
                return
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
            try:
                beside.write_bytes(self.getvalue())
                if self._path.exists():
                    beside.chmod(stat.S_IMODE(self._path.stat().st_mode))
                beside.replace(self._path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UsageError:
        reason = (error.strerror or type(error).__name__).lower()
        return UsageError("bad-output", f"{self._shown} cannot be written: {reason}")

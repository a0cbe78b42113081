"""Whether there is a token for the hub, and where: without reading it, and without a network.

`huggingface_hub.get_token` may ask the network for one. Imports nothing of the project.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def token_source(environ: Mapping[str, str]) -> str | None:
    """The variable or the file with the user's token, where Hugging Face's library looks; None for none."""
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if environ.get(variable, "").strip():
            return variable
    path = _token_path(environ)
    try:
        return path if os.path.getsize(path) > 0 else None
    except OSError:
        return None


def _token_path(environ: Mapping[str, str]) -> str:
    if environ.get("HF_TOKEN_PATH"):
        return os.path.expanduser(environ["HF_TOKEN_PATH"])
    home = environ.get("HF_HOME")
    if not home:
        home = os.path.join(environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return os.path.join(os.path.expanduser(os.path.expandvars(home)), "token")

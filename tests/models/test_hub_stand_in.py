"""The stand-in for a hub is read by the real client's own functions as the hub is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_stand_in import GOOD_TOKEN, MAIN, HubStandIn, git_name, serving, sha256

LARGE = bytes(range(256)) * 64


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    """A stand-in that the client takes for its hub; it lets out requests because it is told that it may."""
    from huggingface_hub import constants

    with serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield hub


def test_the_listing_is_read_over_its_pages(hub: HubStandIn) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    files = {f"{index}.json": b"%d" % index for index in range(7)}
    hub.add("org/m", {**files, "sub/large.bin": LARGE})
    api = HfApi(endpoint=hub.address)
    assert api.model_info("org/m").sha == MAIN
    tree = list(api.list_repo_tree("org/m", recursive=True))
    listed = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    assert set(listed) == {*files, "sub/large.bin"}
    assert listed["3.json"].blob_id == git_name(b"3")
    large = listed["sub/large.bin"].lfs
    assert large is not None and (large.sha256, large.size) == (sha256(LARGE), len(LARGE))
    assert len([path for path in hub.paths() if "/tree/" in path]) == 3


def test_files_are_downloaded_from_both_servers(hub: HubStandIn, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    hub.add("org/m", {"small.json": b"{}", "large.bin": LARGE})
    for name, content in (("small.json", b"{}"), ("large.bin", LARGE)):
        path = hf_hub_download("org/m", name, cache_dir=tmp_path, endpoint=hub.address, token=False)
        assert Path(path).read_bytes() == content
    assert any(asked.server == "cdn" for asked in hub.asked)


@pytest.mark.parametrize(
    ("error", "repo", "file", "revision"),
    [
        ("RepositoryNotFoundError", "org/none", "a", "main"),
        ("RepositoryNotFoundError", "org/private", "a", "main"),
        ("GatedRepoError", "org/gated", "a", "main"),
        ("RevisionNotFoundError", "org/open", "a", "v9"),
        ("RemoteEntryNotFoundError", "org/open", "b", "main"),
    ],
)
def test_refusals_are_understood(
    error: str, repo: str, file: str, revision: str, hub: HubStandIn, tmp_path: Path
) -> None:
    import huggingface_hub.errors
    from huggingface_hub import hf_hub_download

    hub.add("org/private", {"a": b"a"}, private=True)
    hub.add("org/gated", {"a": b"a"}, gated=True)
    hub.add("org/open", {"a": b"a"})
    kind = getattr(huggingface_hub.errors, error)
    with pytest.raises(kind) as caught:
        hf_hub_download(repo, file, revision=revision, cache_dir=tmp_path, endpoint=hub.address, token=False)
    assert type(caught.value) is kind
    if repo != "org/open":
        hub.repos.setdefault("org/none", hub.repos["org/open"])
        assert hf_hub_download(repo, file, cache_dir=tmp_path, endpoint=hub.address, token=GOOD_TOKEN)

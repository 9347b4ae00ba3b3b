"""What a stack's saved state says of its audios, as a `pulumi` on PATH exports it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vod_provider.audio.inputs import fingerprint
from vod_provider.audio.ledger_records import Holder
from vod_provider.plugin.errors import EncryptedStateError, SavedStateError
from vod_provider.plugin.saved_state import SavedState

OWNERS = "file:///b urn:pulumi:dev::media::"
SINGLE, SET = "pulumi-python:dynamic/vod:ExtractedAudio", "vod:index:ExtractedAudioSet"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def resource(kind: str, inputs: Any, outputs: Any) -> dict[str, Any]:
    """A resource named 'it' in an exported state."""
    return {"urn": f"urn:pulumi:dev::media::{kind}::it", "type": kind, "inputs": inputs, "outputs": outputs}


def single(asset_id: Any) -> dict[str, Any]:
    """An audio that was made of this asset."""
    outputs = {"asset_id": asset_id, "format": "MP3", "audio_asset_id": "a", "place": "https://vod p", "title": "T"}
    return resource(SINGLE, {"asset_id": asset_id}, outputs)


def a_set(entry: Any) -> dict[str, Any]:
    """A set with one audio that is asked for like this."""
    return resource(
        SET, {"audios": {"one": entry}}, {"extracted": {"one": {"audioAssetId": "a"}}, "place": "https://vod p"}
    )


@pytest.fixture
def exports(tmp_path: Path) -> Any:
    """Puts a `pulumi` on PATH that exports such a resource; `clear` with --show-secrets. Returns the environment."""

    def put(exported: dict[str, Any], clear: dict[str, Any] | None = None) -> dict[str, str]:
        for name, one in {"sealed": exported, "clear": clear}.items():
            if one is not None:
                other = {"urn": "urn:pulumi:dev::media::t::other", "type": "t"}
                (tmp_path / name).write_text(json.dumps({"deployment": {"resources": [other, one]}}))
        program = tmp_path / "pulumi"
        program.write_text(
            '#!/bin/sh\ncase "$*" in *"--stack dev"*) ;; *) exit 1;; esac\n'
            f'case "$*" in *--show-secrets*) cat {tmp_path}/clear;; *) cat {tmp_path}/sealed;; esac\n'
        )
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    return put


def sealed(value: Any, *, shown: bool) -> dict[str, Any]:
    """A secret as a state has it."""
    return SECRET | ({"plaintext": json.dumps(value)} if shown else {"ciphertext": "v1:x"})


def holders(environ: dict[str, str]) -> list[Holder]:
    """The audios of the state that is exported."""
    return SavedState(OWNERS, environ).holders()


def audio(kind: str, entry: str = "") -> Holder:
    """Who holds the audio 'a'."""
    print_ = fingerprint({"asset_id": "v", "format": "MP3"})
    return Holder("https://vod p", "a", f"{OWNERS}{kind}::it{entry}", source="v", format="MP3", fingerprint=print_)


def owners(state: SavedState, audio_id: str = "a") -> list[str]:
    """Who has an audio."""
    return [it.owner for it in state.holders_of(audio_id)]


def test_audios_of_both_kinds_are_read(exports: Any) -> None:
    """A resource of its own, and an entry of a set."""
    assert holders(exports(single("v"))) == [audio(SINGLE)]
    (found,) = holders(exports(a_set({"assetId": "v"})))
    assert found == audio(SET, '["one"]')


@pytest.mark.parametrize("declared", ["single", "asset_id", "entry"])
def test_what_is_secret_is_read_in_clear_where_it_is_needed(exports: Any, declared: str) -> None:
    """Else the audios would be taken for others, and paid again; where that fails, the error says that it is that."""

    def exported(*, shown: bool) -> dict[str, Any]:
        if declared == "single":
            return single(sealed("v", shown=shown))
        entry = {"assetId": sealed("v", shown=shown) if declared == "asset_id" else "v"}
        return a_set(sealed(entry, shown=shown) if declared == "entry" else entry)

    (found,) = holders(exports(exported(shown=False), exported(shown=True)))
    assert (found.source, found.audio_id) == ("v", "a")


def test_a_secret_in_a_list_is_read_in_clear(exports: Any) -> None:
    """What was asked for is known by all of its triggers."""

    def exported(*, shown: bool) -> dict[str, Any]:
        one = single(sealed("v", shown=shown))
        one["outputs"]["triggers"] = [sealed("again", shown=shown)]
        return one

    (found,) = holders(exports(exported(shown=False), exported(shown=True)))
    assert found.fingerprint == fingerprint({"asset_id": "v", "format": "MP3", "triggers": ["again"]})


def test_what_cannot_be_read_in_clear_is_an_error_of_its_own(exports: Any) -> None:
    """There are audios, and it is not known which; a secret that is not needed is no matter."""
    with pytest.raises(
        EncryptedStateError, match="has its audios encrypted, and `pulumi stack export --show-secrets` failed"
    ):
        holders(exports(single(sealed("v", shown=False))))
    titled = a_set({"assetId": "v", "title": sealed("T", shown=False)})
    assert len(holders(exports(titled))) == 1


def test_no_pulumi_and_no_state_are_errors(exports: Any, tmp_path: Path) -> None:
    """One line each, which does not claim that anything is encrypted."""
    with pytest.raises(SavedStateError, match="there is no pulumi on PATH"):
        holders({"PATH": str(tmp_path / "nowhere")})
    environ = exports(single("v"))
    (tmp_path / "sealed").write_text("no JSON")
    with pytest.raises(SavedStateError, match="failed") as failed:
        holders(environ)
    assert not isinstance(failed.value, EncryptedStateError)


def test_the_state_is_read_in_the_projects_folder(
    exports: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the engine takes a backend's relative path from, although a program may run in a folder of its own."""
    environ = exports(single("v"))
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\ntest -f Pulumi.yaml && cat {tmp_path}/sealed\n")
    (tmp_path / "Pulumi.yaml").write_text("name: media\n")
    (tmp_path / "program").mkdir()
    monkeypatch.chdir(tmp_path / "program")
    assert [it.audio_id for it in holders(environ)] == ["a"]


def test_who_has_an_audio(exports: Any, tmp_path: Path) -> None:
    """Also one that waits for its deletion; not who only looks at it. The state is read once."""
    replaced = a_set({"assetId": "v"})
    replaced["outputs"]["superseded"] = {"b": {"asset_id": "v", "format": "AAC", "key": "one"}}
    environ = exports(replaced)
    state = SavedState(OWNERS, environ)
    assert [owners(state, it) for it in "abc"] == [[f'{OWNERS}{SET}::it["one"]']] * 2 + [[]]
    assert [it.audio_id for it in state.holders()] == ["a"]
    exports(single("v"))
    assert state.holders_of("b")
    assert owners(SavedState(OWNERS, environ)) == [f"{OWNERS}{SINGLE}::it"]
    leaving = SavedState(OWNERS, exports(single("v") | {"delete": True}))
    assert (leaving.holders(), owners(leaving)) == ([], [f"{OWNERS}{SINGLE}::it"])
    assert owners(SavedState(OWNERS, exports(single("v") | {"external": True}))) == []


def test_a_state_that_cannot_be_read_is_asked_for_once(tmp_path: Path) -> None:
    """Thousands may ask, and the command may take a minute to fail. What it has said until then does not count."""
    program, calls = tmp_path / "pulumi", tmp_path / "calls"
    nothing = '{"deployment": {}}'
    program.write_text(f"#!/bin/sh\necho call >> {calls}\necho '{nothing}'\nexit 1\n")
    program.chmod(0o755)
    state = SavedState(OWNERS, {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    for _ in range(3):
        with pytest.raises(SavedStateError, match="stack export` failed"):
            state.holders_of("a")
    assert calls.read_text().split() == ["call"]


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        ('[{"name": "dev"}, {"name": "org/prod"}]', True),
        ('[{"name": "team/dev"}]', False),
        ('[{"name": "prod"}]', None),
        ('{"name": "dev"}', None),
        ("no JSON", None),
    ],
)
def test_whether_a_stack_is_there(tmp_path: Path, listed: str, there: bool | None) -> None:
    """As `pulumi stack ls` lists the project's; a list without the stack itself is one of another project."""
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\ncat <<'.'\n{listed}\n.\n")
    program.chmod(0o755)
    state = SavedState(OWNERS, {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    if there is None:
        with pytest.raises(SavedStateError, match="stack ls"):
            state.is_stack("prod")
    else:
        assert state.is_stack("prod") is there


def test_who_has_an_audio_in_another_stack(exports: Any, tmp_path: Path) -> None:
    """The project's other stacks are read, each once; one that cannot be read leaves it unknown."""
    environ = exports(single("v"))
    program, calls = tmp_path / "pulumi", tmp_path / "calls"
    listing = json.dumps([{"name": "dev"}, {"name": "prod"}])
    program.write_text(
        f"""#!/bin/sh
        echo "$*" >> {calls}
        case "$*" in
            stack\\ ls*) echo '{listing}';;
            *prod) sed s/pulumi:dev/pulumi:prod/g {tmp_path}/sealed;;
            *) exit 1;;
        esac
        """
    )
    state = SavedState(OWNERS, environ)
    there = OWNERS.replace("urn:pulumi:dev", "urn:pulumi:prod")
    assert [it.owner for it in state.elsewhere("a")] == [f"{there}{SINGLE}::it"]
    assert state.elsewhere("b") == []
    assert len(calls.read_text().splitlines()) == 2
    (tmp_path / "sealed").unlink()
    with pytest.raises(SavedStateError, match="stack export` failed"):
        SavedState(OWNERS, environ).elsewhere("a")

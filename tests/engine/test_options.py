"""Pulumi's resource options on an audio, with the real engine; docs/reference/options.md has the table."""

from __future__ import annotations

from tests.engine.conftest import NewStack
from tests.vod import LocalVod

MOVED = """
import pulumi
class Shelf(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Shelf", name)
        self.register_outputs({})
"""


def declared(source: str, options: str = "", **more: object) -> str:
    """A program with one audio, and those resource options."""
    given = "".join(f", {name}={value!r}" for name, value in more.items())
    return f'talk = ExtractedAudio("talk", asset_id="{source}"{given}, opts=pulumi.ResourceOptions({options}))'


def test_ignore_changes_and_replace_on_changes(stack: NewStack, vod: LocalVod) -> None:
    """An ignored change of what is extracted extracts nothing; a title can be made to."""
    audio, source = stack(vod.config), vod.video()
    audio.program(declared(source, title="One"))
    audio.up().expect()
    audio.program(declared(source, 'ignore_changes=["format", "title"]', title="Two", format="AAC"))
    audio.up().expect("2 unchanged")
    assert vod.accepted() == 1
    audio.program(declared(source, 'replace_on_changes=["title"]', title="Two"))
    audio.up().expect("1 replaced")
    assert vod.accepted() == 2
    assert len(vod.audio_ids()) == 1


def test_protect_and_retain_on_delete(stack: NewStack, vod: LocalVod) -> None:
    """A protected audio is not destroyed; a retained one leaves the state and stays at VOD."""
    audio, source = stack(vod.config), vod.video()
    audio.program(declared(source, "protect=True"))
    audio.up().expect()
    audio.destroy().expect_failure("protected")
    assert len(vod.audio_ids()) == 1
    audio.program(declared(source, "protect=False, retain_on_delete=True"))
    audio.up().expect()
    audio.destroy().expect()
    assert audio.audios() == {}
    assert len(vod.audio_ids()) == 1


def test_delete_before_replace(stack: NewStack, vod: LocalVod) -> None:
    """The old audio is deleted before the new one is asked for."""
    audio, source = stack(vod.config), vod.video()
    audio.program(declared(source))
    audio.up().expect()
    vod.forget_calls()
    audio.program(declared(source, "delete_before_replace=True", format="AAC"))
    audio.up().expect("1 replaced")
    done = [call["operation"] for call in vod.calls() if call["operation"] in {"ExtractAudio", "DeleteAssets"}]
    assert done == ["DeleteAssets", "ExtractAudio"]


def test_parent_and_aliases(stack: NewStack, vod: LocalVod) -> None:
    """An audio that moves below a component, or gets another name, stays the same with an alias."""
    audio, source = stack(vod.config), vod.video()
    audio.program(declared(source))
    audio.up().expect()
    moved = declared(source, 'parent=Shelf("shelf"), aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]')
    audio.program(MOVED + moved)
    audio.up().expect()
    renamed = declared(source, 'parent=Shelf("shelf"), aliases=[pulumi.Alias(name="talk")]')
    audio.program(MOVED + renamed.replace('ExtractedAudio("talk"', 'ExtractedAudio("renamed"'))
    audio.up().expect()
    assert list(audio.audios()) == ["renamed"]
    assert vod.accepted() == 1
    assert len(vod.audio_ids()) == 1


def test_depends_on_and_transforms(stack: NewStack, vod: LocalVod) -> None:
    """What depends on an audio comes after it; a transform changes inputs of all."""
    audio, source = stack(vod.config), vod.video()
    audio.program(
        "def titled(args):\n"
        '    if args.type_ == "pulumi-python:dynamic/vod:ExtractedAudio":\n'
        '        return pulumi.ResourceTransformResult({**args.props, "title": "By transform"}, args.opts)\n'
        "pulumi.runtime.register_resource_transform(titled)\n"
        + declared(source)
        + "\nafter = pulumi.ResourceOptions(depends_on=[talk])"
        + f'\nExtractedAudio("second", asset_id="{source}", format="AAC", opts=after)'
    )
    vod.timed(1)
    audio.up().expect()
    held = audio.audios()
    assert {one["outputs"]["title"] for one in held.values()} == {"By transform"}
    asked = {call["asset_ids"][-1]: call["time"] for call in vod.calls() if call["operation"] == "ExtractAudio"}
    assert asked[held["second"]["id"]] >= asked[held["talk"]["id"]] + 1
    assert held["second"]["dependencies"] == [held["talk"]["urn"]]


def test_additional_secret_outputs_and_deleted_with(stack: NewStack, vod: LocalVod) -> None:
    """An output that is made a secret is one in state and program; what is said to go with another stays at VOD."""
    audio, source = stack(vod.config), vod.video()
    both = declared(source) + f'\nExtractedAudio("second", asset_id="{source}", format="AAC", opts=after)'
    both = both.replace(
        "opts=pulumi.ResourceOptions()", 'opts=pulumi.ResourceOptions(additional_secret_outputs=["url"])'
    )
    both = both.replace("opts=after", "opts=pulumi.ResourceOptions(deleted_with=talk)")
    audio.program(both + '\npulumi.export("url", talk.url)')
    audio.up().expect("[secret]")
    address = vod.asset(audio.audios()["talk"]["id"])["base_info"]["video_url"]
    assert address.startswith("http")
    assert address not in audio.raw_state()
    second = audio.audios()["second"]["id"]
    audio.destroy().expect()
    assert vod.audio_ids() == [second], "it is taken to have gone with the first"


def test_an_audio_moves_into_a_catalogue(stack: NewStack, vod: LocalVod) -> None:
    """With an alias that a transform of the component gives it, it stays the same audio."""
    audio, source = stack(vod.config), vod.video()
    audio.program(declared(source))
    audio.up().expect()
    audio.program(
        "from vod_provider import AudioCatalogue\n"
        "def known(args):\n"
        '    alias = pulumi.Alias(name="talk", parent=pulumi.ROOT_STACK_RESOURCE)\n'
        "    opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(aliases=[alias]))\n"
        "    return pulumi.ResourceTransformResult(args.props, opts)\n"
        f'AudioCatalogue("talks", {{"opening": "{source}"}}, opts=pulumi.ResourceOptions(transforms=[known]))'
    )
    audio.up().expect("1 created")  # the component
    assert list(audio.audios()) == ["talks-opening"]
    assert vod.accepted() == len(vod.audio_ids()) == 1


def test_a_catalogue_with_one_that_fails(stack: NewStack, vod: LocalVod) -> None:
    """With --continue-on-error one video without sound harms no other; mended, only its audio is made."""
    audio, mute = stack(vod.config), vod.video(sound=False)
    videos = {"a": vod.video(), "mute": mute, "z": vod.video(3)}
    program = "from vod_provider import AudioCatalogue\n" + 'pulumi.export("urls", AudioCatalogue("talks", {}).urls)'
    audio.program(program.replace("{}", repr(videos)))
    audio.up("--continue-on-error").expect_failure("does it have an audio track?")
    assert set(audio.audios()) == {"talks-a", "talks-z"}
    shown = audio.run("stack", "output", "urls", "--json", "--stack", "test").expect().text
    assert all(audio.audios()[name]["outputs"]["url"] in shown for name in ("talks-a", "talks-z"))
    made = set(vod.audio_ids())
    audio.program(program.replace("{}", repr({**videos, "mute": vod.video(4)})))
    audio.up().expect("1 created", "4 unchanged")
    assert made < set(vod.audio_ids())
    assert vod.accepted() == 3


def test_a_category_with_a_silent_video_comes_up(stack: NewStack, vod: LocalVod) -> None:
    """The fact leaves it out, and so does `exclude`; a silent video that is left in keeps the run failing.

    Leaving out a video that had an audio deletes that audio.
    """
    audio, mute, loud = stack(vod.config), vod.video(sound=False), vod.video()
    other = vod.video(3)
    catalogue = (
        "from vod_provider import AudioCatalogue, get_media_assets\n"
        'videos = get_media_assets(kind="video")\n'
        'AudioCatalogue("all", {}, exclude={})'
    )
    with_sound = "[video for video in videos if video.has_sound is not False]"
    audio.program(catalogue.format("videos", []))
    audio.up("--continue-on-error").expect_failure("does it have an audio track? If not, leave it out of the program")
    audio.program(catalogue.format("videos", [mute]))
    audio.up().expect("4 unchanged")
    audio.program(catalogue.format(with_sound, []))
    audio.up().expect("4 unchanged")
    assert set(audio.audios()) == {f"all-{loud}", f"all-{other}"}
    audio.program(catalogue.format(with_sound, [other]))
    audio.up().expect("1 deleted")
    assert set(audio.audios()) == {f"all-{loud}"}
    assert vod.accepted() == 2

"""The package schema of the native plugin, from one table: what Pulumi's SDKs and its documentation are made from.

The rules that inputs are held to are in `audio.inputs`, and the settings in `config.table`; a test holds the tables
together. Format: Pulumi's 'Package Schema' reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vod_provider._version import __version__
from vod_provider.audio import entries, inputs
from vod_provider.config import parsers, table
from vod_provider.plugin.names import camel
from vod_provider.plugin.owner import SET_TYPES, TYPES

PACKAGE = "vod"
DYNAMIC_TYPE, RESOURCE = TYPES
DYNAMIC_SET_TYPE, SET = SET_TYPES
GET_MEDIA_ASSET = "vod:index:getMediaAsset"
GET_MEDIA_ASSETS = "vod:index:getMediaAssets"

STRING: Mapping[str, Any] = {"type": "string"}
INTEGER: Mapping[str, Any] = {"type": "integer"}
NUMBER: Mapping[str, Any] = {"type": "number"}
BOOLEAN: Mapping[str, Any] = {"type": "boolean"}
STRINGS: Mapping[str, Any] = {"type": "array", "items": STRING}
ANYTHING: Mapping[str, Any] = {"type": "array", "items": {"$ref": "pulumi.json#/Any"}}


def _object(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _type(name: str) -> dict[str, str]:
    return {"$ref": f"#/types/{PACKAGE}:index:{name}"}


@dataclass(frozen=True)
class Property:
    """One property, by its name within this package.

    `known`: the audio always has it, once it is created. `deprecated`: why nobody should set it any more.
    """

    name: str
    type: Mapping[str, Any]
    about: str
    known: bool = False
    default: Any = None
    deprecated: str = ""

    def schema(self, *, replaces: bool = False) -> dict[str, Any]:
        """As the schema has it."""
        found = {**self.type, "description": self.about}
        if self.default is not None:
            found["default"] = self.default
        if replaces:
            found["replaceOnChanges"] = True
        if self.deprecated:
            found["deprecationMessage"] = self.deprecated
        return found


_EXTRACTS = "A change extracts again and is billed again."
_ELSEWHERE = "A change to another place extracts again and is billed again."
_UNMANAGED = "Left out, it is not managed: it stays as VOD holds it."

INPUTS: tuple[Property, ...] = (
    Property("asset_id", STRING, f"Media id of the source video. {_EXTRACTS}"),
    Property(
        "format",
        _type("AudioFormat"),
        f"Format of the audio: {' or '.join(inputs.FORMATS)}. {_EXTRACTS}",
        default=inputs.DEFAULT_FORMAT,
    ),
    Property("title", STRING, f"Title, at most {inputs.TITLE_BYTES} bytes of UTF-8. {_UNMANAGED}"),
    Property(
        "description",
        STRING,
        f"Description, at most {inputs.DESCRIPTION_BYTES} bytes of UTF-8: only the one that the audio has already.",
        deprecated=inputs.NOT_SETTABLE,
    ),
    Property(
        "category_id",
        INTEGER,
        f"Id of a category of the project; {inputs.OTHERS} is the category 'Others'. {_UNMANAGED}",
    ),
    Property(
        "tags",
        STRINGS,
        f"At most {inputs.TAGS} tags of at most {inputs.TAG_BYTES} bytes of UTF-8 each, without commas. {_UNMANAGED}",
    ),
    Property("publish", BOOLEAN, f"True publishes the audio, false takes that back, both in place. {_UNMANAGED}"),
    Property("region", STRING, f"Region of the video; default is the provider's. {_ELSEWHERE}"),
    Property("project_id", STRING, f"Project of the video; default is the provider's. {_ELSEWHERE}"),
    Property(
        "account",
        STRING,
        "Name of an account in the provider's setting `accounts`, whose credentials and project are used; default is"
        f" the provider's own. {_ELSEWHERE}",
    ),
    Property("triggers", ANYTHING, f"Any values that JSON has. {_EXTRACTS}"),
    Property(
        "adopt",
        STRING,
        "Id of an audio that was extracted from this video before: it is taken over instead of extracted, if VOD tells"
        " nothing against it. Read at creation only.",
    ),
    Property(
        "moved_from",
        STRING,
        'Name of the resource, or of the audio of a set, as `archive["talk-17"]`, whose audio is taken over instead of'
        " extracted: that one has to go in the same run. Read at creation only.",
    ),
)
"""In the order of the documentation. What each may be is in `audio.inputs`."""

OUTPUTS: tuple[Property, ...] = (
    Property("audio_asset_id", STRING, "Media id of the audio; the resource's id.", known=True),
    Property(
        "status",
        STRING,
        "Status of the audio as VOD names it: CREATED once it is ready, PUBLISHED once published.",
        known=True,
    ),
    Property("url", STRING, "Where the audio can be fetched."),
    Property("duration", NUMBER, "Duration in seconds."),
    Property("bit_rate", INTEGER, "Average bit rate in kbit/s."),
    Property("size", INTEGER, "Size of the file in bytes."),
    Property("codec", STRING, "Codec of the track, for example MP3 or AAC."),
    Property("title", STRING, "Title, as VOD holds it.", known=True),
    Property("description", STRING, "Description, as VOD holds it.", known=True),
    Property("category_id", INTEGER, "Id of the category, as VOD holds it."),
    Property("tags", STRINGS, "Tags, as VOD holds them.", known=True),
    Property("publish", BOOLEAN, "Whether the audio is published.", known=True),
    Property("place", STRING, "Where the audio is: endpoint, project, and account where one is named.", known=True),
    Property("made_for", STRING, "A mark of the resource that the audio was extracted for."),
)
"""What VOD tells of an audio. Inputs that VOD does not hold are outputs, too."""

OF_SET: tuple[Property, ...] = (
    Property(
        "audios",
        _object(_type("SetAudio")),
        "The audios, each by a key that stays when others come and go. Another key for the same source and format is no"
        " extraction.",
    ),
    *(
        Property(it.name, it.type, f"{it.about} For all audios that have none of their own.")
        for it in INPUTS
        if it.name in entries.DEFAULTS
    ),
)
"""What a set is declared with."""

IN_SET = tuple(it for it in OUTPUTS if it.name in {*entries.TOLD, "status", "place"})
"""What VOD tells of an audio of a set; status and place are left out where they are CREATED, and the set's."""

_PLACE = tuple(
    Property(name, STRING, about)
    for name, about in (
        ("region", "Region of the assets; default is the provider's."),
        ("project_id", "Project of the assets; default is the provider's."),
        ("account", "Name of an account in the provider's setting `accounts`; default is the provider's own."),
    )
)

ASSET: tuple[Property, ...] = (
    Property("id", STRING, "Media id.", known=True),
    Property("status", STRING, "Status, as VOD names it.", known=True),
    Property("title", STRING, "Title.", known=True),
    Property("description", STRING, "Description.", known=True),
    Property("category_id", INTEGER, "Id of the category."),
    Property("tags", STRINGS, "Tags.", known=True),
    Property("is_audio", BOOLEAN, "Whether it is an audio, as its container tells.", known=True),
    Property("has_sound", BOOLEAN, "Whether it has an audio track; left out where VOD does not say so clearly."),
    Property("url", STRING, "Where it can be fetched."),
    Property("duration", NUMBER, "Duration in seconds."),
    Property("size", INTEGER, "Size of the file in bytes."),
)
"""What the functions tell of an asset."""

QUERY: tuple[Property, ...] = (
    Property("asset_ids", STRINGS, "Media ids; one that VOD does not have is an error."),
    Property("title", STRING, "Title, exactly."),
    Property("category_id", INTEGER, f"Id of a category; {inputs.OTHERS} is the category 'Others'."),
    Property("tags", STRINGS, "Tags, all of which an asset has to have."),
    Property(
        "status",
        STRINGS,
        "Statuses as VOD names them; default is all whose files are there, or all where assetIds are given.",
    ),
    Property("kind", _type("MediaKind"), "Videos or audios only."),
    *_PLACE,
)
"""What `getMediaAssets` is asked with."""


def names() -> frozenset[str]:
    """The names of all properties, within this package."""
    return frozenset(one.name for one in (*INPUTS, *OUTPUTS, *OF_SET, *ASSET, *QUERY))


def schema(download_url: str = "") -> dict[str, Any]:
    """The whole schema. `download_url`: where a release of the plugin is, for engines that do not have it."""
    settings = {setting.key: _setting(setting) for setting in table.TABLE}
    return {
        "name": PACKAGE,
        "displayName": "Huawei Cloud VOD audio extraction",
        "version": __version__,
        "description": "Audio tracks of Huawei Cloud VOD videos, as media assets of their own",
        "keywords": ["pulumi", "huaweicloud", "vod", "category/cloud", "kind/native"],
        "license": "Apache-2.0",
        "publisher": "pulumi-huaweicloud-vod",
        "types": _types(),
        "config": {"variables": settings},
        "provider": {
            "description": "How VOD is reached: the settings of the stack, or those of one explicit provider.",
            "inputProperties": settings,
        },
        "resources": {RESOURCE: _resource(), SET: _set()},
        "functions": {
            GET_MEDIA_ASSET: {
                "description": "One asset by its media id. VOD is asked at once, at a preview too.",
                "inputs": _inputs((Property("asset_id", STRING, "Media id."), *_PLACE), ["asset_id"]),
                "outputs": _outputs(ASSET),
            },
            GET_MEDIA_ASSETS: {
                "description": "All assets that fit; at most 20,000 can be listed. VOD is asked at once, at a preview"
                " too.",
                "inputs": _inputs(QUERY, []),
                "outputs": {
                    "properties": {"assets": {"type": "array", "items": _type("MediaAsset")}},
                    "required": ["assets"],
                },
            },
        },
        "language": _LANGUAGES,
        **({"pluginDownloadURL": download_url} if download_url else {}),
    }


def _types() -> dict[str, Any]:
    prefix = f"{PACKAGE}:index:"
    found: dict[str, Any] = {
        f"{prefix}AudioFormat": {
            "type": "string",
            "description": "Format of an extracted audio.",
            "enum": [{"name": name, "value": name} for name in inputs.FORMATS],
        },
        f"{prefix}MediaKind": {
            "type": "string",
            "description": "Kind of a media asset.",
            "enum": [{"name": "Video", "value": "video"}, {"name": "Audio", "value": "audio"}],
        },
        f"{prefix}MediaAsset": {"type": "object", "description": "A media asset of VOD.", **_outputs(ASSET)},
        f"{prefix}SetAudio": {
            "type": "object",
            "description": "One audio of a set. What it has comes before the set's own.",
            "properties": {camel(it.name): Property(it.name, it.type, it.about).schema() for it in _of_entry()},
            "required": [camel("asset_id")],
        },
        f"{prefix}SetAudioResult": {
            "type": "object",
            "description": "One audio of a set, as VOD has told of it.",
            "properties": {camel(it.name): it.schema() for it in IN_SET},
            "required": [camel("audio_asset_id")],
        },
    }
    return found | {
        f"{prefix}{name}": {"type": "object", "description": about, "properties": properties}
        for name, about, properties in (
            ("Account", "Another account beside the provider's own.", _parts(parsers.ACCOUNT)),
            ("Events", "Where VOD's events are listened for.", _parts(parsers.EVENTS)),
            ("Quotas", "Calls per minute.", dict.fromkeys(parsers.QUOTAS, INTEGER)),
            ("Timeouts", "Seconds that an operation may take.", dict.fromkeys(_timeouts(), NUMBER)),
        )
    }


def _timeouts() -> Iterable[str]:
    return parsers.Timeouts.__dataclass_fields__


def _parts(parts: Iterable[parsers.Part]) -> dict[str, Any]:
    return {part.key: {**STRING, "secret": True} if part.secret else STRING for part in parts}


_SETTING_TYPES: Mapping[str, Mapping[str, Any]] = {
    table.ACCOUNTS.key: _object(_type("Account")),
    table.QUOTAS.key: _type("Quotas"),
    table.TIMEOUTS.key: _type("Timeouts"),
    table.EVENTS.key: _type("Events"),
    table.DEBUG.key: BOOLEAN,
}


def _setting(setting: table.Setting[Any]) -> dict[str, Any]:
    found = {**_SETTING_TYPES.get(setting.key, STRING), "description": _sentence(setting.about)}
    if setting.secret or setting.secret_parts:
        found["secret"] = True
    return found


def _sentence(about: str) -> str:
    return f"{about[0].upper()}{about[1:]}."


def _resource() -> dict[str, Any]:
    asked = [one for one in INPUTS if one.name in inputs.ASKING]
    replacing = set(inputs.REPLACING)
    return {
        "description": (
            "The audio track of a VOD video, as a media asset of its own.\n\nCreating it asks VOD to extract the track"
            " and waits until the audio is ready. Extraction is billed by the duration extracted: a change of"
            " `assetId`, `format` or `triggers`, or of `region`, `projectId` or `account` to another place, extracts"
            " again and is billed again; a change of metadata is not.\n\n"
            "## Import\n\n"
            "VOD does not record what an audio was extracted from, so the id of the video is given, too:\n\n"
            f"```sh\npulumi import {RESOURCE} NAME VIDEO_ID/AUDIO_ID\n```\n\n"
            "If they are not where the provider looks by default, their place follows after an `@`, as inputs:\n"
            "`VIDEO_ID/AUDIO_ID@region=REGION,projectId=PROJECT_ID,account=ACCOUNT`.\n"
        ),
        "inputProperties": {camel(it.name): it.schema(replaces=it.name in replacing) for it in INPUTS},
        "requiredInputs": [camel("asset_id")],
        **_outputs((*(Property(it.name, it.type, it.about) for it in asked), *OUTPUTS)),
        "aliases": [{"type": DYNAMIC_TYPE}],
    }


def _of_entry() -> list[Property]:
    return [it for it in INPUTS if it.name in entries.OF_ENTRY]


def _set() -> dict[str, Any]:
    return {
        "description": (
            "The audio tracks of many VOD videos, as one resource.\n\nAn audio that fails harms no other: the resource"
            " then fails with the reasons, and holds all that is done; the next `pulumi up` goes on with what is"
            " missing only. A change of an audio's source, format, triggers or place extracts that one again, which is"
            " billed again. A set cannot be imported: its audios are taken over by `adopt`, or by `movedFrom` from"
            " other resources.\n"
        ),
        "inputProperties": {camel(it.name): it.schema() for it in OF_SET},
        "requiredInputs": ["audios"],
        "properties": {
            "extracted": {**_object(_type("SetAudioResult")), "description": "The audios, by their keys."},
            "place": {**STRING, "description": "Where the audios are, but for those that say otherwise."},
        },
        "required": ["extracted"],
        "aliases": [{"type": DYNAMIC_SET_TYPE}],
    }


def _inputs(properties: Iterable[Property], required: list[str]) -> dict[str, Any]:
    return {
        "properties": {camel(it.name): it.schema() for it in properties},
        "required": [camel(name) for name in required],
    }


def _outputs(properties: Iterable[Property]) -> dict[str, Any]:
    found = list(properties)
    return {
        "properties": {camel(it.name): it.schema() for it in found},
        "required": [camel(it.name) for it in found if it.known],
    }


_LANGUAGES: Mapping[str, Any] = {
    "python": {
        "packageName": "pulumi_vod",
        "requires": {"pulumi": ">=3.200.0,<4.0.0"},
        "pyproject": {"enabled": True},
        "respectSchemaVersion": True,
    },
    "nodejs": {
        "packageName": "pulumi-huaweicloud-vod",
        "dependencies": {"@pulumi/pulumi": "^3.200.0"},
        "respectSchemaVersion": True,
    },
    "go": {
        "importBasePath": "pulumi-huaweicloud-vod/sdk/go/vod",
        "modulePath": "pulumi-huaweicloud-vod/sdk/go",
        "generateResourceContainerTypes": True,
        "respectSchemaVersion": True,
    },
}

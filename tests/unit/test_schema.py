"""The package schema holds what the inputs, the outputs, the settings and the documentation hold."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from typing import Any

import pytest

from vod_provider import ExtractedAudio, ExtractedAudioSet
from vod_provider.audio import entries, inputs
from vod_provider.config import parsers, table
from vod_provider.plugin import names, schema
from vod_provider.plugin.functions import _told
from vod_provider.program.audio_set import SetAudioArgs
from vod_provider.program.resource import ExtractedAudioArgs
from vod_provider.provider import _outs
from vod_provider.vod.asset_query import AssetQuery
from vod_provider.vod.assets import Asset, MediaAsset

RESOURCE = schema.schema()["resources"][schema.RESOURCE]


def test_inputs_are_those_that_are_checked() -> None:
    """Every input has its rule, every rule its input, and the dynamic provider takes the same."""
    assert [names.snake(name) for name in RESOURCE["inputProperties"]] == list(ExtractedAudioArgs.__annotations__)
    assert {names.snake(name) for name in RESOURCE["inputProperties"]} == set(inputs._RULES)
    assert RESOURCE["requiredInputs"] == ["assetId"]


def test_what_extracts_again_is_said_to_replace() -> None:
    """The marks are those of the comparison; and each of them says in words that it is billed."""
    given = RESOURCE["inputProperties"]
    replacing = {names.snake(name) for name, it in given.items() if it.get("replaceOnChanges")}
    assert replacing == set(inputs.REPLACING)
    assert all("billed again" in given[names.camel(name)]["description"] for name in inputs.REPLACING)
    assert json.dumps(schema.schema()).count("replaceOnChanges") == len(inputs.REPLACING), "no set is replaced"


VALUES: dict[str, tuple[Any, Any]] = {
    "asset_id": ("one", "two"),
    "format": ("MP3", "AAC"),
    "title": ("one", "two"),
    "description": ("one", "two"),
    "category_id": (1, 2),
    "tags": (["one"], ["two"]),
    "publish": (False, True),
    "region": ("cn-north-4", "ap-southeast-3"),
    "project_id": ("one", "two"),
    "account": ("one", "two"),
    "triggers": ([1], [2]),
    "adopt": ("one", "two"),
    "moved_from": ("one", "two"),
}
"""Two values that each input may have."""


@pytest.mark.parametrize("name", inputs.INPUTS)
def test_the_marks_of_an_input_are_what_happens_to_it(name: str) -> None:
    """What is marked to replace does so when it changes; what is deprecated is refused, with that text."""
    before, after = ({"asset_id": "one", name: value} for value in VALUES[name])
    checked, problems = inputs.check(after, lambda _: False)
    assert not problems
    marked = RESOURCE["inputProperties"][names.camel(name)]
    changes = inputs.compare(before, after, lambda _: False)
    assert marked.get("replaceOnChanges", False) is (name in changes.replaces)
    assert "secret" not in marked, "the rules show values: none of them is for secrets"
    refused = [problem.reason for problem in inputs.check_new(checked) if problem.property == name]
    assert refused == ([marked["deprecationMessage"]] if "deprecationMessage" in marked else [])
    assert "deprecationMessage" not in RESOURCE["properties"][names.camel(name)], "it may be read"


def test_the_parts_of_a_setting_are_secret_where_the_table_says_so() -> None:
    """An SDK marks these by themselves: an account's keys, and that of the callbacks."""
    for name, parts in (("Account", parsers.ACCOUNT), ("Events", parsers.EVENTS)):
        properties = schema.schema()["types"][f"vod:index:{name}"]["properties"]
        assert {key for key, it in properties.items() if it.get("secret")} == {it.key for it in parts if it.secret}
        assert list(properties) == [it.key for it in parts]


def test_limits_and_defaults_are_those_of_the_rules() -> None:
    """A number in a description is the one that is checked."""
    given = RESOURCE["inputProperties"]
    assert given["format"]["default"] == inputs.DEFAULT_FORMAT
    formats = [it["value"] for it in schema.schema()["types"]["vod:index:AudioFormat"]["enum"]]
    assert formats == list(inputs.FORMATS)
    assert f" {inputs.TITLE_BYTES} bytes" in given["title"]["description"]
    assert f" {inputs.DESCRIPTION_BYTES} bytes" in given["description"]["description"]
    assert f" {inputs.TAGS} tags of at most {inputs.TAG_BYTES} bytes" in given["tags"]["description"]


def test_outputs_are_those_that_a_create_answers() -> None:
    """No output is left out of the schema, and none in it stays empty for ever."""
    answered = _outs({"place": "", "made_for": ""}, Asset("a", "CREATED")).keys() | set(inputs.ASKING)
    assert {names.snake(name) for name in RESOURCE["properties"]} == answered
    documented = {name for name, it in inspect.getmembers(ExtractedAudio) if isinstance(it, property)} - {"id", "urn"}
    assert documented - {"pulumi_resource_name", "pulumi_resource_type"} <= answered


def test_what_is_required_is_always_told() -> None:
    """An SDK promises it, with a type that has no value for 'unknown': what VOD need not tell is not required."""
    types = schema.schema()["types"]
    least = {
        "resource": (RESOURCE, _outs({"place": ""}, Asset("a", "CREATED"))),
        "asset": (types["vod:index:MediaAsset"], _told(MediaAsset("a", "CREATED"))),
    }
    for what, (it, told) in least.items():
        assert {names.snake(name) for name in it["required"]} == {
            name for name, value in told.items() if value is not None
        }, what
    assert types["vod:index:SetAudioResult"]["required"] == ["audioAssetId"]


def test_what_is_told_of_an_audio_of_a_set_is_in_the_schema() -> None:
    """What each entry of `extracted` holds, and no input, which its entry of `audios` has."""
    found = schema.schema()["types"]["vod:index:SetAudioResult"]["properties"]
    assert {names.snake(name) for name in found} == {*entries.TOLD, "status", "place"}
    assert {"audio_asset_id", "url", "duration", "size"} <= {names.snake(name) for name in found}


def test_every_property_has_a_description() -> None:
    """What an editor shows, in sentences."""
    for part in ("inputProperties", "properties"):
        for name, it in RESOURCE[part].items():
            assert it["description"].endswith("."), name


def test_settings_are_those_of_the_table_and_so_are_their_secrets() -> None:
    """A setting with anything secret in it is a secret as a whole, as Pulumi counts it."""
    variables = schema.schema()["config"]["variables"]
    assert variables == schema.schema()["provider"]["inputProperties"]
    assert list(variables) == [it.key for it in table.TABLE]
    secrets = {name for name, it in variables.items() if it.get("secret")}
    assert secrets == {it.key for it in table.TABLE if it.secret or it.secret_parts}
    assert {"secretKey", "securityToken", "token", "accounts", "events"} <= secrets


def test_a_set_takes_what_that_of_python_takes() -> None:
    """The same inputs, of a set and of its entries; the state of that one is taken over."""
    a_set, entry = schema.schema()["resources"][schema.SET], schema.schema()["types"]["vod:index:SetAudio"]
    given = list(inspect.signature(ExtractedAudioSet).parameters)
    assert ["resource_name", *map(names.snake, a_set["inputProperties"]), "opts"] == given
    assert a_set["requiredInputs"] == ["audios"]
    assert {names.snake(name) for name in entry["properties"]} == set(SetAudioArgs.__annotations__)
    assert entry["required"] == ["assetId"]
    assert a_set["aliases"] == [{"type": f"pulumi-python:{ExtractedAudioSet._resource_type_name}"}]
    assert a_set["required"] == ["extracted"], "a set without audios has no place"


def test_a_setting_is_described_in_a_sentence() -> None:
    """That of the table, which the documentation has in the middle of a line."""
    variables = schema.schema()["config"]["variables"]
    for it in table.TABLE:
        described = variables[it.key]["description"]
        assert described.casefold() == f"{it.about}.".casefold()
        assert described[0] == described[0].upper()


def test_the_functions_take_what_they_look_by() -> None:
    """A query's parts, and where to look; of a single asset its id, which has to be given."""
    functions = schema.schema()["functions"]
    one, many = (functions[it]["inputs"] for it in (schema.GET_MEDIA_ASSET, schema.GET_MEDIA_ASSETS))
    assert {names.snake(name) for name in one["properties"]} == {"asset_id", *inputs.PLACE}
    assert one["required"] == ["assetId"]
    assert {names.snake(name) for name in many["properties"]} == {it.name for it in fields(AssetQuery)} | {
        *inputs.PLACE
    }
    assert many["required"] == []


def test_it_takes_over_from_the_dynamic_provider() -> None:
    """The alias is the type that Python programs have in their states."""
    assert RESOURCE["aliases"] == [{"type": f"pulumi-python:{ExtractedAudio._resource_type_name}"}]


def test_only_a_known_address_is_where_it_is_downloaded() -> None:
    """Without one, the engine is not sent anywhere."""
    assert "pluginDownloadURL" not in schema.schema()
    assert schema.schema("https://there/v${VERSION}")["pluginDownloadURL"] == "https://there/v${VERSION}"


@pytest.mark.parametrize("name", sorted(schema.names()))
def test_names_can_be_turned_back(name: str) -> None:
    """Nothing is lost between snake_case and camelCase."""
    assert names.snake(names.camel(name)) == name


def test_names_of_pulumis_own_stay() -> None:
    """They are nobody's property."""
    assert names.to_camel({"__provider": 1}) == names.to_snake({"__provider": 1}) == {"__provider": 1}

"""What is configured where, and what is said when it is missing or wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vod_provider.config import settings, table
from vod_provider.config.ledger_location import LedgerSetting, LedgerStore
from vod_provider.config.parsers import Listening
from vod_provider.config.settings import QUOTAS, MissingSettingsError, Settings, SettingsError, Timeouts
from vod_provider.vod.signing import AccessKey, Token

HOME = {"HOME": "/home/ann"}
KEY = {"vod:accessKey": "AK", "vod:secretKey": "SK"}
PLACE = {"vod:region": "ap-southeast-1", "vod:projectId": "0123abc"}
STACK = KEY | PLACE


def load(config: dict[str, str] = STACK, environ: dict[str, str] = HOME) -> Settings:
    return settings.load(config, environ)


def refusal(config: dict[str, str], environ: dict[str, str] = HOME) -> str:
    """What load says of settings that it refuses."""
    with pytest.raises(SettingsError) as caught:
        load(config, environ)
    return str(caught.value)


def test_a_whole_configuration() -> None:
    """The least that a stack says, and the defaults of all the rest."""
    assert load() == Settings(
        endpoint="https://vod.ap-southeast-1.myhuaweicloud.com",
        region="ap-southeast-1",
        project_id="0123abc",
        credentials=AccessKey("AK", "SK"),
        ledger_setting=LedgerSetting(home="/home/ann"),
        quotas=QUOTAS,
        query_share=0.5,
        timeouts=Timeouts(create=3600, update=3600, delete=1200, read=300),
        debug=False,
    )


NOWHERE: dict[str, str] = {}


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        ({"vod:accessKey": "A", "vod:secretKey": "S"}, NOWHERE, AccessKey("A", "S")),
        (
            {"vod:accessKey": "A", "vod:secretKey": "S", "vod:securityToken": "T"},
            NOWHERE,
            AccessKey("A", "S", "T"),
        ),
        ({"vod:token": "T"}, NOWHERE, Token("T")),
        ({"huaweicloud:accessKey": "A", "huaweicloud:secretKey": "S"}, NOWHERE, AccessKey("A", "S")),
        (
            {
                "huaweicloud:accessKey": "A",
                "huaweicloud:secretKey": "S",
                "huaweicloud:securityToken": "T",
                "huaweicloud:token": "unused",
            },
            NOWHERE,
            AccessKey("A", "S", "T"),
        ),
        ({"huaweicloud:token": "T"}, NOWHERE, Token("T")),
        (NOWHERE, {"HUAWEICLOUD_SDK_AK": "A", "HUAWEICLOUD_SDK_SK": "S"}, AccessKey("A", "S")),
        (
            NOWHERE,
            {
                "HUAWEICLOUD_SDK_AK": "A",
                "HUAWEICLOUD_SDK_SK": "S",
                "HUAWEICLOUD_SDK_SECURITY_TOKEN": "T",
            },
            AccessKey("A", "S", "T"),
        ),
        (NOWHERE, {"HW_ACCESS_KEY": "A", "HW_SECRET_KEY": "S"}, AccessKey("A", "S")),
        (
            NOWHERE,
            {"HW_ACCESS_KEY": "A", "HW_SECRET_KEY": "S", "HW_SECURITY_TOKEN": "T"},
            AccessKey("A", "S", "T"),
        ),
        (NOWHERE, {"HW_AUTH_TOKEN": "T"}, Token("T")),
        # A source before: as a whole, and nothing of the others is mixed in.
        (
            {"vod:token": "T", "huaweicloud:accessKey": "A", "huaweicloud:secretKey": "S"},
            NOWHERE,
            Token("T"),
        ),
        (
            {"huaweicloud:accessKey": "A", "huaweicloud:secretKey": "S"},
            {"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "s", "HW_SECURITY_TOKEN": "t"},
            AccessKey("A", "S"),
        ),
        (
            NOWHERE,
            {
                "HUAWEICLOUD_SDK_AK": "A",
                "HUAWEICLOUD_SDK_SK": "S",
                "HW_ACCESS_KEY": "a",
                "HW_SECRET_KEY": "s",
            },
            AccessKey("A", "S"),
        ),
        # Blank is not set, and space around a value is not meant.
        (
            {"vod:accessKey": " ", "vod:secretKey": "", "vod:token": "\n"},
            {"HW_ACCESS_KEY": " A ", "HW_SECRET_KEY": "S\n"},
            AccessKey("A", "S"),
        ),
    ],
)
def test_credentials_come_from_the_first_source_that_has_any(
    config: dict[str, str], environ: dict[str, str], expected: AccessKey | Token
) -> None:
    """The stack's configuration before the environment, our own names before others'."""
    assert load(PLACE | config, HOME | environ).credentials == expected


@pytest.mark.parametrize(
    ("config", "environ", "missing", "found"),
    [
        ({"vod:accessKey": "A"}, {"HW_SECRET_KEY": "S"}, "vod:secretKey", "vod:accessKey"),
        ({"vod:secretKey": "S"}, NOWHERE, "vod:accessKey", "vod:secretKey"),
        ({"vod:securityToken": "S", "vod:token": "T"}, NOWHERE, "vod:accessKey", "vod:securityToken"),
        ({"huaweicloud:accessKey": "A"}, NOWHERE, "huaweicloud:secretKey", "huaweicloud:accessKey"),
        (NOWHERE, {"HUAWEICLOUD_SDK_AK": "A"}, "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_AK"),
        (
            {"huaweicloud:secretKey": "S"},
            {"HW_ACCESS_KEY": "a", "HW_SECRET_KEY": "s"},
            "huaweicloud:accessKey",
            "huaweicloud:secretKey",
        ),
        (NOWHERE, {"HW_SECRET_KEY": "S"}, "HW_ACCESS_KEY", "HW_SECRET_KEY"),
    ],
)
def test_half_a_key_is_refused(config: dict[str, str], environ: dict[str, str], missing: str, found: str) -> None:
    """Half a key is never completed from elsewhere; the message names the other half, and how to set it."""
    said = refusal(PLACE | config, HOME | environ)
    assert said.startswith(f"{missing} is not set, but {found} is")
    how = f"run `pulumi config set {'' if missing.endswith(':accessKey') else '--secret '}{missing} VALUE`"
    assert (how if ":" in missing else f"set the environment variable {missing}") in said


def missing(config: dict[str, str], account: str | None = None) -> str:
    """What is said of a place that is not complete."""
    with pytest.raises(MissingSettingsError) as caught:
        load(config).at(None, None, account)
    return str(caught.value)


def test_all_that_is_missing_is_said_at_once() -> None:
    """One line names all of it, with the command for each, the regions there are, and what else would do."""
    assert missing({}) == (
        "no credentials, no region, no project: run `pulumi config set vod:accessKey KEY`,"
        " `pulumi config set --secret vod:secretKey KEY`, `pulumi config set vod:region REGION` (international accounts"
        " have cn-north-4, ap-southeast-2 and ap-southeast-3) and `pulumi config set vod:projectId ID`, or set"
        " HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK, HW_REGION_NAME and HUAWEICLOUD_SDK_PROJECT_ID in the environment, or"
        " the resource's region and project_id"
    )
    assert missing(PLACE).startswith("no credentials: run `pulumi config set vod:accessKey KEY` and ")
    assert missing({"vod:region": "r"}).startswith("no credentials, no project: ")


def test_another_accounts_remedy_names_that_account() -> None:
    """What an account lacks is set in vod:accounts, below its name."""
    accounts = {"vod:accounts": '{"archive": {"token": "T"}}'}
    assert missing(accounts, "archive") == (
        "no region, no project: run `pulumi config set --path vod:accounts.archive.region REGION` (international"
        " accounts have cn-north-4, ap-southeast-2 and ap-southeast-3) and"
        " `pulumi config set --path vod:accounts.archive.projectId ID`, or the resource's region and project_id"
    )
    with pytest.raises(SettingsError) as caught:
        load({}).at(None, None, "archive")
    assert str(caught.value) == (
        "account is 'archive', which vod:accounts does not have: it has none; run"
        " `pulumi config set --path vod:accounts.archive.accessKey KEY` and"
        " `pulumi config set --path --secret vod:accounts.archive.secretKey KEY`"
    )


def test_the_settings_say_whose_they_are() -> None:
    """The name of the account goes into what errors say; the stack's own has none."""
    loaded = load(STACK | {"vod:accounts": '{"archive": {"token": "T", "projectId": "p2"}}'})
    assert (loaded.at(None, None, "archive").account, loaded.at(None, None).account) == ("archive", None)


def test_another_account_needs_no_credentials_of_the_stack() -> None:
    """A stack whose resources all name an account has no credentials of its own."""
    accounts = {"vod:accounts": '{"archive": {"token": "T"}}'}
    assert load(PLACE | accounts).at(None, "p2", "archive").credentials == Token("T")


def test_nobody_needs_credentials_offline() -> None:
    """A preview asks nobody, so that credentials are neither missing nor looked at."""
    loaded = settings.load(PLACE | {"vod:secretKey": "half of a key"}, {}, offline=True)
    assert loaded.at(None, None).project_id == PLACE["vod:projectId"]


def test_a_region_that_a_fixed_endpoint_ignores_is_told() -> None:
    """An endpoint without {region} serves every region, so that naming one has no effect."""
    fixed = load(STACK | {"vod:endpoint": "https://vod.example.com"})
    said = "has no effect: the endpoint is https://vod.example.com for every region"
    assert said in fixed.ignored_region(None)
    assert fixed.ignored_region("cn-east-2").startswith("region 'cn-east-2' has no effect")
    assert load().ignored_region("cn-east-2") == ""
    assert load(STACK | {"vod:endpoint": LOCAL}).ignored_region("cn-east-2") == ""
    assert load(KEY | {"vod:endpoint": "https://vod.example.com"}).ignored_region(None) == ""
    own = '{"o": {"token": "T", "region": "cn-east-2", "endpoint": "https://vod.{region}.example.com"}}'
    both = load(STACK | {"vod:endpoint": "https://vod.example.com", "vod:accounts": own})
    assert both.ignored_region(None, "o") == ""
    assert said in both.ignored_region(None)


@pytest.mark.parametrize(
    "name",
    ["vod:accessKey", "vod:secretKey", "vod:securityToken", "vod:token"],
)
@pytest.mark.parametrize("value", ["TOP SECRET", "TOP\nSECRET", "TOPSECRET\u201d"])
def test_odd_characters_in_a_secret_are_refused_without_showing_it(name: str, value: str) -> None:
    """What no header can carry is named, and neither it nor anything of it is shown."""
    said = refusal(STACK | {name: value})
    assert said.startswith(f"{name} has characters")
    assert "TOP" not in said


def test_repr_shows_no_secret() -> None:
    """Neither the settings nor their parts show a secret."""
    shown = repr(load(PLACE | {"vod:accessKey": "hush", "vod:secretKey": "hush", "vod:securityToken": "hush"}))
    assert "hush" not in shown
    assert "0123abc" in shown
    assert "hush" not in repr(load(PLACE | {"vod:token": "hush"}))


@pytest.mark.parametrize(
    ("config", "environ", "region", "project_id"),
    [
        (
            {"vod:region": "a", "vod:projectId": "p", "huaweicloud:region": "b", "huaweicloud:projectId": "q"},
            NOWHERE,
            "a",
            "p",
        ),
        (
            {"huaweicloud:region": "a", "huaweicloud:projectId": "p"},
            {"HW_REGION_NAME": "b", "HUAWEICLOUD_SDK_PROJECT_ID": "q", "HW_PROJECT_ID": "r"},
            "a",
            "p",
        ),
        (
            {"vod:region": " ", "vod:projectId": ""},
            {"HW_REGION_NAME": "a", "HUAWEICLOUD_SDK_PROJECT_ID": "p", "HW_PROJECT_ID": "q"},
            "a",
            "p",
        ),
        ({"vod:region": "a"}, {"HW_PROJECT_ID": "p"}, "a", "p"),
        (NOWHERE, NOWHERE, None, ""),
    ],
)
def test_region_and_project(
    config: dict[str, str], environ: dict[str, str], region: str | None, project_id: str
) -> None:
    """Each from the first place that has it; without any they may still come from the resource."""
    loaded = load(KEY | config, HOME | environ)
    assert (loaded.region, loaded.project_id) == (region, project_id)
    assert loaded.endpoint == (f"https://vod.{region}.myhuaweicloud.com" if region else "")


LOCAL = "http://127.0.0.1:8480"


@pytest.mark.parametrize(
    ("configured", "own_region", "expected"),
    [
        (None, None, "https://vod.ap-southeast-1.myhuaweicloud.com"),
        (None, "cn-north-4", "https://vod.cn-north-4.myhuaweicloud.com"),
        (None, "xx-new-99", "https://vod.xx-new-99.myhuaweicloud.com"),
        (LOCAL, None, LOCAL),
        (LOCAL, "cn-north-4", LOCAL),
        ("https://vod.{region}.example.com/api/", None, "https://vod.ap-southeast-1.example.com/api"),
        ("https://vod.{region}.example.com/api/", "cn-north-4", "https://vod.cn-north-4.example.com/api"),
    ],
)
def test_endpoint_of_a_resource(configured: str | None, own_region: str | None, expected: str) -> None:
    """A resource's own region changes the endpoint, unless one is configured that serves them all."""
    loaded = load(STACK | ({"vod:endpoint": configured} if configured else {}))
    here = loaded.at(own_region, None)
    assert here.endpoint == expected
    assert here.region == (own_region or "ap-southeast-1")


def test_project_of_a_resource() -> None:
    """A resource's own project takes the place of the stack's, and all else stays."""
    loaded = load()
    assert loaded.at(None, "other").project_id == "other"
    assert loaded.at(None, "") == loaded.at(None, None) == loaded


ACCOUNTS = {"vod:accounts": '{"other": {"accessKey": "A2", "secretKey": "S2", "projectId": "p2"}}'}


def test_another_account() -> None:
    """An account brings its own credentials and project; region and endpoint are the stack's where it has none."""
    loaded = load(STACK | ACCOUNTS)
    here = loaded.at(None, None, "other")
    assert (here.credentials, here.project_id, here.endpoint) == (AccessKey("A2", "S2"), "p2", loaded.endpoint)
    assert loaded.at(None, None) == loaded
    own = '{"o": {"token": "T", "region": "cn-east-2", "endpoint": "https://vod.{region}.example.com"}}'
    here = load(STACK | {"vod:accounts": own}).at(None, "p", "o")
    assert (here.credentials, here.endpoint) == (Token("T"), "https://vod.cn-east-2.example.com")


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ("[]", "vod:accounts is no JSON object: `pulumi config set --path vod:accounts.NAME.accessKey KEY`"),
        ('{"o": 5}', "vod:accounts.o is no object of texts"),
        ('{"o": {"accessKey": 5}}', "vod:accounts.o is no object of texts"),
        ('{"o": {"accesskey": "A"}}', "vod:accounts.o knows no 'accesskey': did you mean accessKey?"),
        ('{"o": {"projectId": "p"}}', "vod:accounts.o has no credentials"),
        ('{"o": {"accessKey": "A"}}', "vod:accounts.o.secretKey is not set, but vod:accounts.o.accessKey is"),
        ('{"o": {"token": "T", "region": "X"}}', "vod:accounts.o.region is 'X': expected the id of a region"),
    ],
)
def test_accounts_that_cannot_be(accounts: str, said: str) -> None:
    """Each problem names the account and its part."""
    assert refusal(STACK | {"vod:accounts": accounts}).startswith(said)


def test_an_account_that_is_not_there() -> None:
    """A resource's account has to be configured, and needs a project of its own."""
    loaded = load(STACK | {"vod:accounts": '{"other": {"token": "T"}}'})
    with pytest.raises(
        SettingsError, match=r"^account is 'othr', which vod:accounts does not have: did you mean other\?"
    ):
        loaded.at(None, None, "othr")
    with pytest.raises(
        SettingsError, match=r"^no project: run `pulumi config set --path vod:accounts.other.projectId ID`"
    ):
        loaded.at(None, None, "other")
    with pytest.raises(SettingsError, match=r"^account is 'other', which vod:accounts does not have: it has none"):
        load().at(None, None, "other")


EVENTS = {"listen": "0.0.0.0:8443", "key": "K2", "certificate": "/c.pem", "certificateKey": "/k.pem"}


def test_events_are_listened_for_where_they_are_set() -> None:
    """Address, key and certificate; an IPv6 address stands in brackets; without the setting nobody listens."""
    loaded = load(STACK | {"vod:events": json.dumps(EVENTS)}).events
    assert loaded == Listening("0.0.0.0", 8443, "K2", Path("/c.pem"), Path("/k.pem"))
    assert "K2" not in repr(loaded)
    loaded = load(STACK | {"vod:events": '{"listen": "[::1]:80", "key": "K2"}'}).events
    assert loaded == Listening("::1", 80, "K2")
    assert load(STACK).events is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"listen": None}, "vod:events.listen is not set: run `pulumi config set --path vod:events.listen VALUE`"),
        ({"key": None}, "vod:events.key is not set: run `pulumi config set --path --secret vod:events.key VALUE`"),
        ({"key": " "}, "vod:events.key is not set"),
        ({"listen": "8443"}, "vod:events.listen is '8443': expected an address and a port"),
        ({"listen": ":8443"}, "vod:events.listen is ':8443': expected an address and a port"),
        ({"listen": "::1:8443"}, "vod:events.listen is '::1:8443': expected an address and a port"),
        ({"listen": "host:0"}, "vod:events.listen is 'host:0': expected an address and a port"),
        ({"listen": "host:70000"}, "vod:events.listen is 'host:70000': expected an address and a port"),
        ({"certificate": "/c\0"}, r"vod:events.certificate is '/c\x00': expected an absolute path"),
        ({"certificate": "c.pem"}, "vod:events.certificate is 'c.pem': expected an absolute path"),
        ({"certificate": None}, "vod:events.certificateKey is set, but vod:events.certificate is not"),
        ({"certificat": "/c"}, "vod:events knows no 'certificat': did you mean certificate?"),
        ({"key": 5}, "vod:events is no JSON object of texts: run `pulumi config set --path vod:events.listen VALUE`"),
    ],
)
def test_wrong_events_are_refused_by_name(change: dict[str, object], said: str) -> None:
    """Each key that is missing or wrong is named, and no secret shown."""
    given = {key: value for key, value in (EVENTS | change).items() if value is not None}
    told = refusal(STACK | {"vod:events": json.dumps(given)})
    assert told.startswith(said)
    assert "K2" not in told


def test_accounts_show_no_secret() -> None:
    """Neither an error nor the settings' own text has a key of an account in it."""
    hidden = '{"o": {"accessKey": "A", "secretKey": "HIDDEN", "token2": "HIDDEN"}}'
    assert "HIDDEN" not in refusal(STACK | {"vod:accounts": hidden}) + refusal(STACK | {"vod:accounts": hidden[1:]})
    assert "S2" not in repr(load(STACK | ACCOUNTS)) + repr(load(STACK | ACCOUNTS).at(None, None, "other"))


def test_resources_may_say_all_of_the_place() -> None:
    """A stack without region and project serves resources that have their own."""
    here = load(KEY).at("cn-east-2", "p")
    assert (here.endpoint, here.project_id) == ("https://vod.cn-east-2.myhuaweicloud.com", "p")


@pytest.mark.parametrize(
    ("config", "region", "project_id", "said"),
    [
        (KEY, None, "p", "no region: run `pulumi config set vod:region REGION`"),
        (KEY, "cn-east-2", None, "no project: run `pulumi config set vod:projectId ID`"),
        (KEY | {"vod:endpoint": LOCAL}, None, None, "no project"),
        (STACK, "cn-east-2/../a", None, "region is 'cn-east-2/../a': expected the id of a region"),
        (STACK, "CN-EAST-2", None, "region is 'CN-EAST-2'"),
        (STACK, None, "p/q", "project_id is 'p/q': expected the id of a project"),
    ],
)
def test_places_that_cannot_be(config: dict[str, str], region: str | None, project_id: str | None, said: str) -> None:
    """A place that is incomplete, or that would change the meaning of a URL, is refused by name."""
    with pytest.raises(SettingsError) as caught:
        load(config).at(region, project_id)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://vod.example.com",
        "https://vod.example.com:8443/prefix",
        "https://192.168.1.20",
        "http://127.0.0.1:8480",
        "http://127.8.8.8",
        "http://[::1]:8480",
        "http://localhost:8480",
        "http://vod.localhost",
    ],
)
def test_good_endpoints(endpoint: str) -> None:
    """https to anywhere, http to this machine; a slash at the end makes no difference."""
    assert load(STACK | {"vod:endpoint": endpoint}).endpoint == endpoint
    assert load(STACK | {"vod:endpoint": f" {endpoint}/ "}).endpoint == endpoint


@pytest.mark.parametrize(
    ("spelled", "endpoint"),
    [
        ("HTTPS://VOD.Example.com:443/Path/", "https://vod.example.com/Path"),
        ("Http://LocalHost:80", "http://localhost"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("https://VOD.{region}.example.com:8443", "https://vod.{region}.example.com:8443"),
    ],
)
def test_one_endpoint_has_one_spelling(spelled: str, endpoint: str) -> None:
    """Scheme and host in small letters, and no port that goes without saying: it is one place."""
    region = "cn-north-4"
    loaded = load(KEY | {"vod:endpoint": spelled, "vod:region": region, "vod:projectId": "p"})
    assert loaded.endpoint == endpoint.replace("{region}", region)


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("vod.example.com", "expected a URL"),
        ("localhost:8480", "expected a URL"),
        ("ftp://vod.example.com", "expected a URL"),
        ("https://", "expected a URL"),
        ("https:///v1.0", "expected a URL"),
        ("https://vod.example.com:port", "no URL"),
        ("https://[::1", "no URL"),
        ("https://vod.example. com", "no URL"),
        ("https://vod.example.com/\x00", "no URL"),
        ("https://vod.{regoin}.example.com", "no URL"),
        ("https://vod.example.com?a=b", "without '?' and '#'"),
        ("https://vod.example.com/#a", "without '?' and '#'"),
        ("http://vod.example.com", "unencrypted"),
        ("http://10.0.0.1:8480", "unencrypted"),
        ("http://0.0.0.0:8480", "unencrypted"),
        ("http://localhost.example.com", "unencrypted"),
    ],
)
def test_bad_endpoints(endpoint: str, said: str) -> None:
    """What is no endpoint is shown, with what would be one."""
    message = refusal(STACK | {"vod:endpoint": endpoint})
    assert message.startswith(f"vod:endpoint is {endpoint!r}: ")
    assert said in message


def test_a_project_named_vod_keeps_its_own_settings() -> None:
    """Where Pulumi's project is named vod, its program's settings have our namespace, and are none of our business."""
    assert load(STACK | {"vod:asset_id": "5412"}, HOME | {"PULUMI_PROJECT": "vod"}).credentials
    assert refusal(STACK | {"vod:asset_id": "5412"}).startswith("vod:asset_id is no setting")


def test_password_in_the_endpoint_is_not_shown() -> None:
    """An endpoint with credentials in it is refused without being shown."""
    said = refusal(STACK | {"vod:endpoint": "https://user:hush@vod.example.com"})
    assert said.startswith("vod:endpoint")
    assert "hush" not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vod:regoin", "did you mean vod:region?"),
        ("vod:project_id", "did you mean vod:projectId?"),
        ("vod:projectid", "did you mean vod:projectId?"),
        ("vod:access_key", "did you mean vod:accessKey?"),
        ("vod:xyz", "expected one of vod:region, vod:endpoint"),
    ],
)
def test_unknown_settings(name: str, said: str) -> None:
    """A name that is no setting is refused with the one that was meant, or with all of them."""
    message = refusal(STACK | {name: "x"})
    assert message.startswith(f"{name} is no setting: ")
    assert said in message


def test_settings_of_others_are_left_alone() -> None:
    """Other namespaces have names of their own."""
    assert load(STACK | {"aws:region": "?", "myproject:anything": "?", "huaweicloud:cloud": "?"}) == load()


def test_quotas_and_timeouts() -> None:
    """What is set of them changes, the rest keeps its default."""
    loaded = load(STACK | {"vod:quotas": '{"extract": 300, "query": 3000}', "vod:timeouts": '{"create": 90}'})
    assert loaded.quotas == QUOTAS | {"extract": 300, "query": 3000}
    assert loaded.timeouts == Timeouts(create=90.0)
    assert load().quotas == QUOTAS


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("vod:quotas", "100", "vod:quotas is '100': expected a JSON object"),
        ("vod:quotas", "extract=100", "vod:quotas is 'extract=100': expected a JSON object"),
        ("vod:quotas", "[]", "vod:quotas is '[]': expected a JSON object"),
        ("vod:quotas", '{"extracts": 1}', "vod:quotas knows no 'extracts': did you mean extract?"),
        ("vod:quotas", '{"info": 1}', "vod:quotas knows no 'info': expected one of extract, cancel"),
        ("vod:quotas", '{"extract": 0}', "vod:quotas.extract is 0: expected calls per minute"),
        ("vod:quotas", '{"extract": -5}', "vod:quotas.extract is -5: "),
        ("vod:quotas", '{"extract": 1.5}', "vod:quotas.extract is 1.5: "),
        ("vod:quotas", '{"extract": true}', "vod:quotas.extract is True: "),
        ("vod:quotas", '{"extract": "5"}', "vod:quotas.extract is '5': "),
        pytest.param("vod:quotas", '{"query": 1' + "0" * 400 + "}", "vod:quotas.query is 1000", id="a quota too large"),
        pytest.param("vod:quotas", "[" * 100_000, "vod:quotas is '[[[[", id="quotas too deep"),
        pytest.param("vod:accounts", '{"a":' * 100_000, "vod:accounts is no JSON object", id="accounts too deep"),
        pytest.param("vod:events", "[" * 100_000, "vod:events is no JSON object", id="events too deep"),
        pytest.param("vod:timeouts", '{"create": 1' + "0" * 400 + "}", "vod:timeouts.create is 1000", id="too long"),
        ("vod:timeouts", '{"create": 1e999}', "vod:timeouts.create is inf: "),
        ("vod:timeouts", '{"create": 0}', "vod:timeouts.create is 0: expected seconds"),
        ("vod:timeouts", '{"create": "60m"}', "vod:timeouts.create is '60m': "),
        ("vod:timeouts", '{"create": NaN}', "vod:timeouts.create is nan: "),
        ("vod:timeouts", '{"create": Infinity}', "vod:timeouts.create is inf: "),
        ("vod:timeouts", '{"create": false}', "vod:timeouts.create is False: "),
        ("vod:timeouts", '{"creates": 5}', "vod:timeouts knows no 'creates': did you mean create?"),
        ("vod:debug", "yes", "vod:debug is 'yes': expected true or false"),
        ("vod:region", "Moon", "vod:region is 'Moon': expected the id of a region"),
        ("vod:projectId", "a/b", "vod:projectId is 'a/b': expected the id of a project"),
        ("vod:journal", "journal.sqlite", "vod:journal is 'journal.sqlite': expected an absolute path"),
        ("vod:journal", "~ann/journal", "vod:journal is '~ann/journal': expected an absolute path"),
        ("vod:journal", "/", "vod:journal is '/': expected the path of a file"),
        ("vod:journal", "/a\0b", r"vod:journal is '/a\x00b': expected the path of a file"),
        ("vod:region", "x" * 65, f"vod:region is '{'x' * 59}...: "),
    ],
)
def test_ill_typed_values(name: str, value: str, said: str) -> None:
    """A value of the wrong kind is named, shown (shortened) and told what is expected."""
    assert refusal(STACK | {name: value}).startswith(said)


def test_wrong_value_in_another_source_is_named_there() -> None:
    """The name in the message is the one that was set."""
    assert refusal(KEY, HOME | {"HW_REGION_NAME": "a b"}).startswith("HW_REGION_NAME is 'a b'")
    assert refusal(KEY | {"huaweicloud:projectId": "?"}).startswith("huaweicloud:projectId is '?'")


@pytest.mark.parametrize("value", ["true", "True", " TRUE "])
def test_debug(value: str) -> None:
    """Pulumi writes booleans as text."""
    assert load(STACK | {"vod:debug": value}).debug is True
    assert load(STACK | {"vod:debug": "false"}).debug is False


@pytest.mark.parametrize(
    ("configured", "environ", "expected"),
    [
        (None, HOME, "/home/ann/.local/state/pulumi-huaweicloud-vod/journal.sqlite"),
        (None, {"XDG_STATE_HOME": "/state"}, "/state/pulumi-huaweicloud-vod/journal.sqlite"),
        (
            None,
            HOME | {"XDG_STATE_HOME": "state"},
            "/home/ann/.local/state/pulumi-huaweicloud-vod/journal.sqlite",
        ),
        (None, {"USERPROFILE": "/users/ann"}, "/users/ann/.local/state/pulumi-huaweicloud-vod/journal.sqlite"),
        ("/var/lib/vod.sqlite", {}, "/var/lib/vod.sqlite"),
        ("~/vod/journal", HOME, "/home/ann/vod/journal"),
    ],
)
def test_journal(configured: str | None, environ: dict[str, str], expected: str) -> None:
    """In the user's state folder, or where it is set."""
    config = STACK | ({"vod:journal": configured} if configured else {})
    assert load(config, environ).journal == Path(expected)


def test_no_home_for_the_journal() -> None:
    """Without a home the journal needs a place of its own, as soon as somebody opens it and not before."""
    for config, environ in ((STACK, {}), (STACK | {"vod:journal": "~/j"}, {"HOME": "relative"})):
        loaded = load(config, environ)
        with pytest.raises(
            SettingsError, match=r"HOME is not set; set it, or run `pulumi config set vod:journal FILE`"
        ):
            _ = loaded.ledger


S3 = "s3://team-ledger/media/vod/"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (S3, LedgerStore("s3", "team-ledger", "media/vod")),
        ("s3://team-ledger", LedgerStore("s3", "team-ledger")),
        (
            f"{S3}?endpoint=minio.example.com:9000&disableSSL=true&s3ForcePathStyle=true&region=us-east-1&awssdk=v2",
            LedgerStore(
                "s3",
                "team-ledger",
                "media/vod",
                endpoint="http://minio.example.com:9000",
                region="us-east-1",
                path_style=True,
            ),
        ),
        (
            f"{S3}?endpoint=https://s3.example.com/&use_path_style=false",
            LedgerStore("s3", "team-ledger", "media/vod", endpoint="https://s3.example.com"),
        ),
        (
            f"{S3}?endpoint=s3.example.com",
            LedgerStore("s3", "team-ledger", "media/vod", endpoint="https://s3.example.com"),
        ),
        ("gs://ledger/a", LedgerStore("gs", "ledger", "a")),
        ("azblob://ledger/a?storage_account=team1", LedgerStore("azblob", "ledger", "a", storage_account="team1")),
        ("obs://ledger/a?region=cn-north-4", LedgerStore("obs", "ledger", "a", region="cn-north-4")),
    ],
)
def test_the_ledger_may_be_in_object_storage(configured: str, expected: LedgerStore) -> None:
    """A URL as Pulumi's own backends have it becomes a value; its text shows kind, bucket and prefix."""
    loaded = load(STACK | {"vod:journal": configured}, {})
    assert loaded.ledger == expected
    assert str(expected) == f"{expected.kind}://{expected.bucket}" + (f"/{expected.prefix}" if expected.prefix else "")
    with pytest.raises(SettingsError, match=f"^vod:journal is {expected}: expected a file"):
        _ = loaded.journal


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        ("azblobs://bucket/a", "vod:journal has the scheme 'azblobs': did you mean azblob?, or an absolute path"),
        ("https://HIDDEN@bucket/a", "vod:journal has the scheme 'https': expected one of s3, gs, azblob, obs"),
        (
            "s3://KEY:HIDDEN@bucket/a",
            "vod:journal has credentials in it: take them out; they come from AWS_ACCESS_KEY_ID",
        ),
        ("obs://KEY:HIDDEN@bucket/a", "vod:journal has credentials in it: take them out; they are the stack's"),
        ("s3:///a", "vod:journal names no bucket: expected s3://BUCKET/PREFIX"),
        ("s3://bucket:9000/a", "vod:journal names no bucket"),
        ("s3://bucket:no/a", "vod:journal is no URL"),
        ("s3://bucket/a/../b", "vod:journal: expected s3://BUCKET/PREFIX"),
        ("s3://bucket/a#b", "vod:journal: expected s3://BUCKET/PREFIX"),
        ("s3://bucket?secret_access_key=HIDDEN", "vod:journal knows no option 'secret_access_key' for s3: "),
        ("s3://bucket?endpiont=e", "vod:journal knows no option 'endpiont' for s3: did you mean endpoint?"),
        ("gs://bucket?region=r", "vod:journal knows no option 'region' for gs: expected one of endpoint"),
        ("s3://bucket?s3ForcePathStyle=yes", "vod:journal: s3ForcePathStyle is 'yes': expected true or false"),
        ("s3://bucket?endpoint=http://u:HIDDEN@e", "vod:journal: endpoint has credentials in it"),
        ("s3://bucket?endpoint=ftp://e", "vod:journal: endpoint is 'ftp://e': expected a URL, or a host and its port"),
        ("s3://bucket?endpoint=https://[e", "vod:journal: endpoint is no URL"),
        ("obs://bucket?region=A/b", "vod:journal: region is 'A/b': expected the id of a region"),
        ("azblob://c?storage_account=A.b", "vod:journal names no bucket"),
        ("azblob://container?storage_account=A.b", "vod:journal: storage_account is no name of a storage account"),
    ],
)
def test_object_storage_that_cannot_be(configured: str, said: str) -> None:
    """One line that names the setting and the part that is wrong, and shows no credential."""
    told = refusal(STACK | {"vod:journal": configured})
    assert told.startswith(said)
    assert "HIDDEN" not in told
    assert told.isprintable()


anything = st.text(max_size=12) | st.sampled_from(
    ["s3://bucket/a?x", "obs://b", "{}", '{"extract": 5}', "https://[", "true", "a-1", "~/x", "~"]
)


@given(
    config=st.dictionaries(st.sampled_from([setting.name for setting in table.TABLE]), anything),
    environ=st.dictionaries(st.sampled_from(["HOME", "XDG_STATE_HOME", "HW_REGION_NAME", "HW_AUTH_TOKEN"]), anything),
)
def test_any_text_is_read_or_refused(config: dict[str, str], environ: dict[str, str]) -> None:
    """Nothing that can be set ends in anything but settings or a message of one line."""
    said = None
    try:
        loaded = load(config, environ)
    except SettingsError as error:
        said = str(error)
    if said is None:
        if config.get("vod:journal", "").startswith("/") or environ.get("HOME", "").startswith("/"):
            assert isinstance(loaded.ledger, LedgerStore) or loaded.ledger.path.is_absolute()
        assert set(loaded.quotas) == set(QUOTAS)
    else:
        assert said.isprintable()


def test_the_documentation_lists_the_table_of_settings() -> None:
    """The page 'Configuration' has a row for each setting: its names, and what it is."""
    page = Path(__file__).parents[2].joinpath("docs/reference/configuration.md").read_text(encoding="utf-8")
    described = [line for line in page.splitlines() if line.startswith("| `vod:")]
    assert described == [
        f"| `{one.name}` | {', '.join(f'`{name}`' for name in one.also)} | {one.about}"
        f"{'; set it with `--secret`' if one.secret else ''} |".replace("|  |", "| |")
        for one in table.TABLE
    ]


def test_every_secret_is_marked_as_one() -> None:
    """What the table calls secret, alone or as a part of an object."""
    assert {
        **{f"{space}:{key}": () for key in ("secretKey", "securityToken", "token") for space in ("vod", "huaweicloud")},
        "vod:accounts": ("secretKey", "securityToken", "token"),
        "vod:events": ("key",),
    } == table.SECRETS

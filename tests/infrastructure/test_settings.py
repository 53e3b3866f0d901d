"""Settings: each stage's, changed by context, and refused by name."""

from dataclasses import fields

import pytest

from cdk.settings import STAGES, StageSettings, read_settings
from facesearch.errors import SettingsError

DOMAIN = "search-people-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com"


def test_stage_dev_is_the_default() -> None:
    assert read_settings({}) == STAGES["dev"]


def test_stage_is_chosen_by_context() -> None:
    assert read_settings({"stage": "prod"}) == STAGES["prod"]


def test_prod_keeps_its_stores_and_dev_does_not() -> None:
    assert STAGES["prod"].retain
    assert not STAGES["dev"].retain


def test_context_of_the_cdk_itself_is_left_alone() -> None:
    context = {"aws:cdk:enable-path-metadata": True, "@aws-cdk/core:something": "x"}
    assert read_settings(context) == STAGES["dev"]


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("faces", "100M", 100_000_000),
        ("faces", 20_000, 20_000),
        ("searches", "2.5", 2.5),
        ("photos", "20k", 20_000),
        ("tracing", "true", True),
        ("tracing", True, True),
        ("vpc", "True", True),
        ("suffixes", ".jpg, .png", (".jpg", ".png")),
        ("suffixes", [".jpg"], (".jpg",)),
        ("cors_origins", "https://a.example", ("https://a.example",)),
        ("alarm_email", "a@b.example", "a@b.example"),
        ("domain_endpoint", DOMAIN, DOMAIN),
        ("log_days", "30", 30),
    ],
)
def test_setting_is_read_as_its_type(name: str, value: object, parsed: object) -> None:
    settings = read_settings({name: value})
    assert getattr(settings, name) == parsed
    assert type(getattr(settings, name)) is type(parsed)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"stage": "test"}, "setting stage is 'test': use one of dev, prod"),
        ({"face": "1M"}, "there is no setting 'face': use alarm_email, architecture,"),
        ({"faces": "many"}, "setting faces: 'many' is not a number"),
        ({"faces": "9k"}, "setting faces is 9,000: use 10,000 to 1,000,000,000"),
        ({"faces": "2B"}, "setting faces is 2,000,000,000: use"),
        ({"searches": "0"}, "setting searches is 0"),
        ({"photos": "0"}, "setting photos is 0"),
        ({"photos": "1.5"}, "setting photos is '1.5': use a whole number"),
        ({"tracing": "yes"}, "setting tracing is 'yes': use true or false"),
        ({"architecture": "x86"}, "setting architecture is 'x86': use one of x86_64, arm64"),
        ({"authorisation": "none"}, "setting authorisation is 'none': use one of api-key,"),
        ({"start": "warm"}, "setting start is 'warm': use one of on-demand,"),
        ({"log_days": "31"}, "setting log_days is '31': use one of 1, 3,"),
        ({"zones": "4"}, "setting zones is '4': use one of 1, 2, 3"),
        ({"replicas": "3"}, "setting replicas is '3': use one of 0, 1, 2"),
        ({"min_face_size": "-1"}, "setting min_face_size: '-1' is not a number"),
        ({"min_detection_score": "2"}, "setting min_detection_score is '2.0': use 0 to 1"),
        ({"max_faces": "0"}, "setting max_faces is '0': use 1 to 1000"),
        ({"views": "3"}, "setting views is '3': use one of 1, 2"),
        ({"domain_endpoint": f"https://{DOMAIN}"}, "setting domain_endpoint is 'https://"),
        ({"domain_endpoint": f"vpc{DOMAIN[6:]}"}, "setting domain_endpoint is 'vpc-"),
        ({"domain_endpoint": DOMAIN, "vpc": "true"}, "setting vpc is 'True': use false with"),
        ({"authorisation": "cognito"}, "setting user_pool_arn is '': use the ARN"),
        ({"cors_origins": "photos.example"}, "setting cors_origins is 'photos.example': use"),
        ({"cors_origins": "*"}, "setting cors_origins is '*': use"),
        ({"alarm_email": "operator"}, "setting alarm_email is 'operator': use an e-mail"),
        ({"prefix": "/photos"}, "setting prefix is '/photos': use"),
        ({"suffixes": ".jpg,a.jpg"}, "setting suffixes is"),
    ],
)
def test_wrong_setting_is_refused_by_name_with_the_fix(
    context: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings(context)
    assert str(raised.value).startswith(message)


def test_every_setting_is_typed_for_the_command_line() -> None:
    kinds = {type(getattr(STAGES["dev"], field.name)) for field in fields(StageSettings)}
    assert kinds <= {str, int, float, bool, tuple}

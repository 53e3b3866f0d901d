"""Settings: each stage's file, changed by context, and refused by name."""

from dataclasses import fields
from pathlib import Path

import pytest

from cdk.downgrades import LOSSES
from cdk.record import STAGES
from cdk.settings import CHOICES, StageSettings, read_settings
from facesearch.errors import SettingsError
from facesearch.planning.capacity import REDUNDANCY, Redundancy
from facesearch_local.planning.costs import FEATURES, PHOTO_STORAGE, Features

DOMAIN = "search-people-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com"


def test_stage_dev_is_the_default() -> None:
    assert read_settings({}) == read_settings({"stage": "dev"})


def test_prod_keeps_its_stores_and_dev_does_not() -> None:
    assert read_settings({"stage": "prod"}).retain
    assert not read_settings({"stage": "dev"}).retain


@pytest.mark.parametrize("stage", REDUNDANCY)
def test_stage_is_as_redundant_as_it_is_planned(stage: str) -> None:
    settings = read_settings({"stage": stage})
    assert REDUNDANCY[stage] == Redundancy(
        settings.zones, settings.replicas, settings.managers, settings.burstable
    )


@pytest.mark.parametrize("stage", FEATURES)
def test_stage_costs_what_is_planned(stage: str) -> None:
    settings = read_settings({"stage": stage})
    snapshot = settings.start == "snapstart"
    features = Features(snapshot, settings.tracing, settings.vpc, settings.photo_storage)
    assert FEATURES[stage] == features
    assert CHOICES["photo_storage"] == PHOTO_STORAGE


def test_context_of_the_cdk_itself_is_left_alone() -> None:
    context = {"aws:cdk:enable-path-metadata": True, "@aws-cdk/core:something": "x"}
    assert read_settings(context) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("faces", "100M", 100_000_000),
        ("faces", 200_000, 200_000),
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
        (
            {"stage": "test"},
            "setting stage is 'test': use one of dev, prod, small, or add its file",
        ),
        ({"stage": "../stages/dev"}, "setting stage is '../stages/dev': use one of"),
        ({"name": "Faces"}, "setting name is 'Faces': use small letters, digits"),
        ({"name": "a" * 25}, f"setting name is '{'a' * 25}': use small letters, digits and"),
        ({"face": "1M"}, "there is no setting 'face': use alarm_email, api_domain,"),
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
        ({"very_likely_distance": "3"}, "setting very_likely_distance is '3.0': use 0 to 2"),
        ({"max_faces": "0"}, "setting max_faces is '0': use 1 to 1000"),
        ({"views": "3"}, "setting views is '3': use one of 1, 2"),
        ({"domain_endpoint": f"https://{DOMAIN}"}, "setting domain_endpoint is 'https://"),
        ({"domain_endpoint": f"ftp{DOMAIN[6:]}"}, "setting domain_endpoint is 'ftp-"),
        ({"domain_endpoint": DOMAIN, "vpc": "true"}, "setting vpc is 'True': use false with"),
        ({"authorisation": "cognito"}, "setting user_pool_arn is '': use the ARN"),
        ({"cors_origins": "photos.example"}, "setting cors_origins is 'photos.example': use"),
        ({"cors_origins": "*"}, "setting cors_origins is '*': use"),
        ({"api_domain": "https://faces.example"}, "setting api_domain is 'https://faces.example'"),
        ({"api_domain": "faces.example"}, "setting certificate_arn is '': use the ARN of an ACM"),
        ({"web_acl_arn": "rules"}, "setting web_acl_arn is 'rules': use the ARN of a regional web"),
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


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    """A folder with one stage's file, which is prod's."""
    (tmp_path / "eu.toml").write_text((STAGES / "prod.toml").read_text())
    return tmp_path


def write(stages: Path, line: str, *, without: str = "") -> None:
    file = stages / "eu.toml"
    kept = [each for each in file.read_text().splitlines() if not without or without not in each]
    file.write_text("\n".join([*kept, line]))


def test_stage_s_file_is_all_that_another_stage_needs(stages: Path) -> None:
    write(stages, 'authorisation = "iam"\ncors_origins = ["https://a.example"]')
    settings = read_settings({"stage": "eu"}, stages=stages)
    assert settings.stack == "facesearch-eu"
    assert (settings.faces, settings.searches) == (10_000_000, 10.0)
    assert (settings.authorisation, settings.cors_origins) == ("iam", ("https://a.example",))


@pytest.mark.parametrize(
    ("line", "without", "message"),
    [
        ("", "faces =", "setting faces is missing: add it, as in cdk/stages/dev.toml"),
        ("face = 1", "", "there is no setting 'face': use alarm_email,"),
        ('faces = "many"', "faces =", "setting faces: 'many' is not a number"),
        ("tracing = 1", "tracing =", "setting tracing is '1': use true or false"),
        ('start = "warm"', "start =", "setting start is 'warm': use one of on-demand,"),
        ("faces = 1", "", "this is not TOML: Cannot overwrite a value"),
        ('stage = "eu"', "", "setting stage does not belong in a stage's file"),
        ("restoring = true", "", "setting restoring does not belong in a stage's file"),
    ],
)
def test_wrong_setting_in_a_file_is_refused_with_the_file_s_name(
    stages: Path, line: str, without: str, message: str
) -> None:
    write(stages, line, without=without)
    with pytest.raises(SettingsError) as raised:
        read_settings({"stage": "eu"}, stages=stages)
    assert str(raised.value).startswith(f"cdk/stages/eu.toml: {message}")


DOWNGRADES = {
    "faces": "1M",
    "searches": "9.5",
    "photos": "99k",
    "zones": "2",
    "replicas": "0",
    "managers": "false",
    "vpc": "false",
    "retain": "false",
    "authorisation": "api-key",
    "uploads": "true",
    "deletion": "true",
}
"""Each is less than what the file of these tests says."""


def test_every_downgrade_is_tried() -> None:
    assert set(DOWNGRADES) == set(LOSSES)


@pytest.mark.parametrize("name", DOWNGRADES)
def test_less_than_the_stage_s_file_says_is_refused_unless_allowed_by_name(
    stages: Path, name: str
) -> None:
    # Who may not add photos may not delete them: that is refused for another reason.
    uploads = "true" if name == "deletion" else "false"
    write(stages, f'authorisation = "iam"\nuploads = {uploads}')
    context = {"stage": "eu", name: DOWNGRADES[name]}
    refusal = rf"^setting {name} is .* in cdk/stages/eu\.toml: .* -c allow={name}$"
    with pytest.raises(SettingsError, match=refusal):
        read_settings(context, stages=stages)
    other = next(each for each in DOWNGRADES if each != name)
    with pytest.raises(SettingsError, match=f"^setting {name} is "):
        read_settings({**context, "allow": other}, stages=stages)
    allowed = read_settings({**context, "allow": f"{other},{name}"}, stages=stages)
    assert allowed != read_settings({"stage": "eu"}, stages=stages)


@pytest.mark.parametrize(
    ("name", "value"),
    [("faces", "100M"), ("replicas", "2"), ("authorisation", "iam"), ("uploads", "false")],
)
def test_more_than_the_stage_s_file_says_is_taken(stages: Path, name: str, value: str) -> None:
    settings = read_settings({"stage": "eu", name: value}, stages=stages)
    assert settings != read_settings({"stage": "eu"}, stages=stages)


def test_one_who_is_known_may_be_known_in_another_way(stages: Path) -> None:
    write(stages, 'authorisation = "iam"')
    pool = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abcdefghi"
    changed = {"stage": "eu", "authorisation": "cognito", "user_pool_arn": pool}
    assert read_settings(changed, stages=stages).authorisation == "cognito"


def test_only_what_is_guarded_can_be_allowed() -> None:
    with pytest.raises(SettingsError, match=r"^allow names 'tracing': use faces, searches"):
        read_settings({"allow": "tracing"})


def test_every_setting_is_typed_for_the_command_line() -> None:
    kinds = {type(getattr(read_settings({}), field.name)) for field in fields(StageSettings)}
    assert kinds <= {str, int, float, bool, tuple}

"""`app.py` as the CDK's command line runs it: no account, no credentials, no Docker, no Node.js."""

import json
import re
import subprocess
import sys
from pathlib import Path

from cdk.assets import ROOT
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.template import Template


def run_app(tmp_path: Path, build: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """A process that has nothing of this machine's environment but the app's own Python."""
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=tmp_path,
        env={
            "PATH": str(nothing),
            "HOME": str(tmp_path),
            "CDK_OUTDIR": str(tmp_path / "cdk.out"),
            "FACESEARCH_BUILD": str(build),
            "CDK_CONTEXT_JSON": json.dumps(context),
            "PYTHONPATH": ":".join(sys.path),
        },
        text=True,
        capture_output=True,
        check=False,
    )


def test_app_writes_the_stage_s_template_without_an_account(
    tmp_path: Path, built_layers: Path
) -> None:
    ran = run_app(tmp_path, built_layers, stage="prod")
    assert (ran.returncode, ran.stderr) == (0, "")
    (template,) = (tmp_path / "cdk.out").glob("*.template.json")
    assert template.name == "facesearch-prod.template.json"


def test_app_without_built_layers_names_the_command_that_builds_them(tmp_path: Path) -> None:
    ran = run_app(tmp_path, tmp_path)
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}/layers/dependencies-x86_64/python is missing")
    assert line.endswith("run 'make layers' first")


def test_app_with_a_wrong_setting_names_it_and_the_fix(tmp_path: Path, built_layers: Path) -> None:
    ran = run_app(tmp_path, built_layers, architecture="risc")
    assert ran.returncode == 1
    message = "setting architecture is 'risc': use one of x86_64, arm64 (-c architecture=…)"
    assert ran.stderr == f"error: {message}\n"


def test_cdk_runs_the_app() -> None:
    assert json.loads((ROOT / "cdk.json").read_text())["app"] == "python3 app.py"


def test_stacks_of_two_names_share_no_name_of_a_resource(template_of: Synthesise) -> None:
    one, other = (template_of(stage="prod", name=name) for name in ("facesearch", "album"))
    assert other.path.name == "album-prod.template.json"
    assert names_in(other)
    assert not names_in(one) & names_in(other)


def names_in(template: Template) -> set[tuple[str, str]]:
    """The names that the template itself gives; CloudFormation's own hold the stack's name."""
    return {
        (resource["Type"], template.text(value))
        for resource in template.resources.values()
        if resource["Type"] != "AWS::Lambda::Alias"  # It is named within its function.
        for key, value in resource.get("Properties", {}).items()
        if re.fullmatch(
            r"Name|\w*(Bucket|Queue|Topic|Role|Domain|Dashboard|Group|Function)Name", key
        )
        and "Ref" not in str(value).replace("'Ref': 'AWS::", "")
    }

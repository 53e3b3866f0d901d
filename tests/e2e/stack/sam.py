"""The stack's template for SAM, whose containers then reach the local AWS and trust it."""

import json
import shutil
from pathlib import Path

from tests.e2e.stack.deployment import Deployment

_TRUST = "/opt/trust/certificate.pem"


def write_sam_template(deployment: Deployment) -> Path:
    """What was deployed, with the values that its functions got, and their packages' names.

    SAM fills in neither what only AWS knows, such as a domain's endpoint, nor what a shell says of
    variables that the template lacks.
    """
    out = deployment.out
    template = json.loads((out / f"{deployment.stack_name}.template.json").read_text())
    resources = template["Resources"]
    layer = out / "trust"
    (layer / "trust").mkdir(parents=True, exist_ok=True)
    shutil.copy(deployment.certificate, layer / "trust")
    resources["Trust"] = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": {"S3Bucket": "local", "S3Key": "trust"}},
        "Metadata": {"aws:asset:path": layer.name, "aws:asset:property": "Content"},
    }
    functions = deployment.session.client("lambda")
    for name, function in deployment.resources("AWS::Lambda::Function").items():
        deployed = functions.get_function_configuration(FunctionName=function)
        variables = {
            **deployed["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": deployment.url,
            "AWS_CA_BUNDLE": _TRUST,
            "SSL_CERT_FILE": _TRUST,
            "FACESEARCH_UPLOAD_ORIGIN": deployment.url,
        }
        properties = resources[name]["Properties"]
        properties["FunctionName"] = properties["Handler"].partition(".")[0]
        properties["Environment"] = {"Variables": variables}
        properties["Layers"].append({"Ref": "Trust"})
    file = out / "sam.template.json"
    file.write_text(json.dumps(template))
    return file

"""Programs that `test_network` runs where no address answers but those of the command itself."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

from tests.events.loading import Context, s3_event, sqs_event

PHOTO = "elton.jpg"


def serve(photo: str, seconds: str) -> None:
    """`facesearch serve`: the page, a search and the health, then silence."""
    server = subprocess.Popen(
        [sys.executable, "-m", "facesearch_local.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    found = re.search(r"listening on (http://\S+)", server.stdout.readline())
    assert found
    for path, body in (("/", None), ("/v1/health", None), ("/v1/search", Path(photo).read_bytes())):
        request = Request(f"{found[1]}{path}", body, {"Content-Type": "image/jpeg"})  # noqa: S310
        with urlopen(request) as answer:  # noqa: S310
            assert answer.status == 200
    time.sleep(float(seconds))
    server.terminate()
    assert server.wait() == 0


def functions(photo: str, seconds: str) -> None:
    """Both functions: a photo of the bucket is indexed, and searched for."""
    import boto3
    from moto.server import ThreadedMotoServer

    aws = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    aws.start()
    host, port = aws.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="photos", Key=PHOTO, Body=Path(photo).read_bytes())

    from index_faces.handler import handler as index
    from tests.integration.api import call

    event = s3_event("s3_object_created_put", key=PHOTO)
    assert index(sqs_event({"1": event}), Context("index_faces")) == {"batchItemFailures": []}
    answer = call(Path(photo).read_bytes())
    assert answer.matches[0]["photo_id"] == f"s3://photos/{PHOTO}", answer.body
    time.sleep(float(seconds))
    aws.stop()


if __name__ == "__main__":
    {"serve": serve, "functions": functions}[sys.argv[1]](*sys.argv[2:])

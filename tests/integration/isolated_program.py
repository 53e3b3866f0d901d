"""Programs that `test_network` runs where no address answers but those of the command itself."""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

from tests.events.loading import Context, s3_event, sqs_event

PHOTO = "elton.jpg"
BUCKET = "s3://photos"
NOBODY = "opensearch://127.0.0.1:9/faces?retry=1"
COMMAND = [sys.executable, "-m", "facesearch_local.cli"]

ON_FILES = (
    *("index FOLDER", "detect PHOTO", "search PHOTO", "compare PHOTO PHOTO", "list", "status"),
    *("search PHOTO --expand --grid out/grid.png", "search PHOTO --json --face all"),
    *("hide PHOTO --face 0", "hide PHOTO --face 0 --undo"),
    *("export out/faces.csv", "export out/faces.npz", "backup out/copy.db", "upgrade"),
    *("reconcile FOLDER", "reconcile FOLDER --repair", "forget --dry-run PHOTO", "forget PHOTO"),
    *(
        "restore --yes out/copy.db",
        "evaluate FOLDER/.. --output out/report",
        "plan --faces 1M --searches 1",
    ),
    *("models recipes", "models info", "models build", "models build --offline"),
    *("models add out/mine.toml out/network.onnx", "index --recipe mine PHOTO --store out/own.db"),
)
"""What needs nobody at all."""
ON_AWS = (
    *(f"backfill {BUCKET} --queue QUEUE", f"reconcile {BUCKET} --queue QUEUE --repair"),
    *("dlq list DEAD", "dlq redrive DEAD --to QUEUE", f"erase {BUCKET}/{PHOTO} --yes"),
    *(
        "reembed nothing --status",
        f"reindex --store {NOBODY}",
        f"snapshot list {BUCKET} --store {NOBODY}",
    ),
)
"""What speaks to AWS or to the index, which here are on this machine, or not there."""


def on_files(photo: str, seconds: str) -> None:
    """Every command that needs nobody; `watch` until it has looked."""
    from tests.unit.models.brought import brought_recipe, made_up_network

    out = Path("out")
    out.mkdir(0o700)
    os.umask(0o077)
    (out / "mine.toml").write_text(brought_recipe())
    (out / "network.onnx").write_bytes(made_up_network().SerializeToString())
    for command in ON_FILES:
        _run(command, PHOTO=photo, FOLDER=str(Path(photo).parent))
    watch = subprocess.Popen(
        [*COMMAND, "watch", "--json", str(Path(photo).parent)], stdout=subprocess.PIPE
    )
    assert watch.stdout is not None
    assert watch.stdout.readline()
    time.sleep(float(seconds))
    watch.terminate()
    assert watch.wait() in (0, 130)


def on_aws(photo: str, _: str) -> None:
    """Every command of a deployment's operators."""
    import boto3
    from moto.server import ThreadedMotoServer

    aws = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    aws.start()
    host, port = aws.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="photos", Key=PHOTO, Body=Path(photo).read_bytes())
    queue, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("changes", "dead"))
    for command in ON_AWS:
        _run(command, QUEUE=queue, DEAD=dead, any_outcome=True)
    aws.stop()


def _run(command: str, *, any_outcome: bool = False, **names: str) -> None:
    words = [
        re.sub("|".join(names), lambda found: names[found[0]], each) for each in command.split()
    ]
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
    expected = (0, 1, 3) if any_outcome else (0,)
    assert done.returncode in expected, f"{command}: {done.stdout}{done.stderr}"


def serve(photo: str, seconds: str) -> None:
    """`facesearch serve`: the page, a search and the health, both clients, then silence."""
    from facesearch_local.client import AsyncFaceSearchClient, FaceSearchClient

    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
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

    async def search() -> None:
        async with AsyncFaceSearchClient(found[1]) as client:
            assert (await client.search(Path(photo))).results

    asyncio.run(search())
    with FaceSearchClient(found[1]) as client:
        client.compare(Path(photo), Path(photo))
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
    programs = {"serve": serve, "functions": functions, "files": on_files, "aws": on_aws}
    programs[sys.argv[1]](*sys.argv[2:])

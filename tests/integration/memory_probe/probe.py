"""Run in the Lambda image with little memory: print what becomes of three suspects."""

import json

from index_faces.alone import AloneProcess

HELD = b"y" * 400_000_000
"""This process is the larger one: by size alone, it would be the one to go."""

if __name__ == "__main__":
    with AloneProcess() as alone:
        results = [alone.index("id", body) for body in ("little", "all", "little")]
    print(json.dumps([result.failed["id"].code for result in results]))

"""One invocation of the index function, as Lambda's runtime makes it: event in, answer out."""

import json
import sys

from index_faces.handler import handler
from tests.events.loading import Context

if __name__ == "__main__":
    # What the function logs goes to stdout, too: the answer is the last line.
    answer = handler(json.load(sys.stdin), Context("index_faces"))
    print(json.dumps(answer))

"""Lambda's API as far as an operator's commands call it: one function is invoked, and answers."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = Callable[[Mapping[str, Any]], object]


@contextmanager
def lambda_api(name: str, answer: Answer) -> Iterator[str]:
    """Its URL. `answer` takes an event's content; what it raises is the function's failure."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != f"/2015-03-31/functions/{name}/invocations":
                error = {"Message": f"Function not found: {self.path}", "Type": "User"}
                self._send(404, error, {"X-Amzn-ErrorType": "ResourceNotFoundException"})
                return
            try:
                answered = answer(event)
            except ZeroDivisionError as error:
                self._send(200, {"errorMessage": str(error)}, {"X-Amz-Function-Error": "Unhandled"})
            else:
                self._send(200, answered, {})

        def _send(self, status: int, body: object, headers: Mapping[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for header, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

"""In the process of a suspect: a message that takes all the memory there is."""

import sys

if "index_faces.alone" in sys.orig_argv:
    from facesearch.errors import InvalidRequest
    from index_faces import messages
    from index_faces.events import Message

    def take_memory(body: str) -> Message:
        taken = []
        while "all" in body:
            taken.append(bytearray(b"x" * 50_000_000))
        return Message([], [InvalidRequest("as every message here")])

    messages.parse_message = take_memory  # type: ignore[attr-defined]

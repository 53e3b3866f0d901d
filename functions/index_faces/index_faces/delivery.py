"""A message as SQS delivered it: how often, and what earlier tries wrote on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFERRALS, FIRST_SENT, ALONE = "Deferrals", "FirstSent", "Alone"
"""The attributes of a message that was sent again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a message. `first_sent_ms` (since 1970) outlives sending it again."""

    message_id: str
    receipt: str
    body: str
    receives: int
    first_sent_ms: int
    deferrals: int = 0
    """How often it was sent again, because nothing could be done at that time."""
    alone: bool = False
    """It was a suspect before it was sent again."""

    @property
    def suspect(self) -> bool:
        """Whether its photo may have ended the process that indexed it."""
        return self.alone or self.receives > 1

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Delivery":
        """From a record of Lambda's event."""
        written = record.get("messageAttributes") or {}
        sent = record["attributes"]["SentTimestamp"]
        return cls(
            message_id=record["messageId"],
            receipt=record["receiptHandle"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
            first_sent_ms=_number(written, FIRST_SENT) or int(sent),
            deferrals=_number(written, DEFERRALS),
            alone=bool(_number(written, ALONE)),
        )

    def written(self) -> dict[str, int]:
        """The attributes to send it again with."""
        return {
            DEFERRALS: self.deferrals + 1,
            FIRST_SENT: self.first_sent_ms,
            ALONE: int(self.suspect),
        }


def _number(written: Mapping[str, Any], name: str) -> int:
    """An attribute's number; 0 for one that is missing, or is none of ours."""
    text = (written.get(name) or {}).get("stringValue") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0

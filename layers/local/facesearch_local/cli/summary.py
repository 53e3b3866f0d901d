"""What `facesearch index` did, for people and for scripts."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import click

from facesearch.indexing import Outcome, Status
from facesearch.photos.folder import photo_name
from facesearch_local.cli.output import Json, print_error, print_json
from facesearch_local.library.walk import Problem


@dataclass(slots=True)
class Summary:
    """Counts photos but for `faces`; `photos` are those read and stored, with a face or without."""

    photos: int = 0
    faces: int = 0
    without_face: int = 0
    unchanged: int = 0
    removed: int = 0
    superseded: int = 0
    problems: list[Problem] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def something_done(self) -> bool:
        return bool(self.photos or self.unchanged or self.removed or self.superseded)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.error is not None:
                self.problems.append(Problem(photo_name(outcome.photo_id), outcome.error))
            elif outcome.status is Status.REMOVED:
                self.removed += 1
            elif outcome.status is Status.SUPERSEDED:
                self.superseded += 1
            else:
                self.photos += 1
                self.faces += outcome.faces
                self.without_face += outcome.status is Status.WITHOUT_FACE

    def show(self, *, as_json: bool) -> None:
        if as_json:
            print_json(self._json())
            return
        click.echo(self._sentence())
        for problem in self.problems:
            print_error(f"{problem.name}: {problem.error}")

    def _json(self) -> Json:
        return {
            "photos": self.photos,
            "faces": self.faces,
            "without_face": self.without_face,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "superseded": self.superseded,
            "failed": [
                {"name": problem.name, "code": problem.error.code, "error": str(problem.error)}
                for problem in self.problems
            ],
            "seconds": round(self._seconds, 3),
        }

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.started

    def _sentence(self) -> str:
        done = f"{_count(self.photos, 'photo')} with {_count(self.faces, 'face')} indexed"
        if self.photos:
            seconds = self._seconds
            done += f" in {seconds:.1f} s ({self.photos / seconds:.0f} a second)"
        counts = {
            "without a face": self.without_face,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "deleted or changed again meanwhile": self.superseded,
            "failed": len(self.problems),
        }
        rest = [f"{number:,} {what}" for what, number in counts.items() if number]
        return ", ".join([done, *rest]) + "."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")

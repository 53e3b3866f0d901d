"""What `facesearch index` did, for people and for scripts."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import click

from facesearch.errors import StoreError
from facesearch.indexing import Outcome, Status
from facesearch.photos.folder import photo_name
from facesearch_local.cli.output import Json, print_error, print_json, print_note
from facesearch_local.counting import counted
from facesearch_local.library.compare import Difference
from facesearch_local.library.rewriting import Rewritten
from facesearch_local.library.walk import Problem


@dataclass(frozen=True, slots=True)
class Note:
    """A note about a photo that was indexed, or about what was passed over."""

    name: str
    text: str


@dataclass(slots=True)
class Summary:
    """Counts of photos, and of faces.

    `photos` counts those that were indexed, with or without a face.
    """

    photos: int = 0
    faces: int = 0
    without_face: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    refused: int = 0
    """Photos that are gone but kept, because they are too many."""
    kept: int = 0
    """Photos that are kept because their folder is missing or empty."""
    superseded: int = 0
    left_out: int = 0
    """Faces that were found and lie outside the limits."""
    unread: Mapping[str, int] = field(default_factory=dict)
    """Files of kinds that are not read, by extension."""
    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def something_done(self) -> bool:
        done = self.photos, self.unchanged, self.moved, self.removed, self.superseded
        return any(done)

    def take(self, difference: Difference) -> None:
        """Add what is known before any photo is read."""
        kept = {problem.name for problem in difference.kept}
        self.problems = [each for each in self.problems if each.name not in kept]
        self.problems += difference.kept
        self.kept = difference.kept_photos
        self.unchanged = difference.unchanged

    def add_rewritten(self, rewritten: Iterable[Rewritten]) -> None:
        for each in rewritten:
            stored, changed = each.rewrite.stored, each.rewrite.changed
            if isinstance(each.result, StoreError):
                self.problems.append(Problem(photo_name(changed.photo_id), each.result))
            elif not each.result:
                self.superseded += 1
            elif each.rewrite.moved:
                self.moved += 1
            elif stored.collection != changed.collection:
                self.photos += 1
                self.faces += each.faces
                self.without_face += not each.faces
            else:
                self.unchanged += 1

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
                self.left_out += outcome.left_out
                self.without_face += outcome.status is Status.WITHOUT_FACE
                if outcome.note:
                    self.notes.append(Note(photo_name(outcome.photo_id), outcome.note))

    def show(self, *, as_json: bool) -> None:
        if as_json:
            print_json(self._json())
            return
        click.echo(self._sentence())
        if self.unread:
            kinds = ", ".join(
                f"{count:,} {ending}" for ending, count in sorted(self.unread.items())
            )
            click.echo(f"Not read, as their kinds are not: {kinds}.")
        for note in self.notes:
            print_note(f"{note.name}: {note.text}")
        for problem in self.problems:
            print_error(f"{problem.name}: {problem.error}")
        if self.refused:
            print_error(
                f"{self.refused:,} photos are gone, more than a fifth: mount the disk that they "
                "are on, or forget them with --remove-missing"
            )

    def _json(self) -> Json:
        return {
            "photos": self.photos,
            "faces": self.faces,
            "without_face": self.without_face,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "removed": self.removed,
            "not_removed": self.refused + self.kept,
            "superseded": self.superseded,
            "left_out": self.left_out,
            "not_read": dict(self.unread),
            "notes": [{"name": note.name, "note": note.text} for note in self.notes],
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
        done = f"{counted(self.photos, 'photo')} with {counted(self.faces, 'face')} indexed"
        if self.photos:
            seconds = self._seconds
            done += f" in {seconds:.1f} s ({self.photos / seconds:.0f} a second)"
        counts = {
            "face left out" if self.left_out == 1 else "faces left out": self.left_out,
            "without a face": self.without_face,
            "unchanged": self.unchanged,
            "moved or renamed": self.moved,
            "removed": self.removed,
            "gone but kept": self.refused + self.kept,
            "deleted or changed again meanwhile": self.superseded,
            "failed": len(self.problems),
        }
        rest = [f"{number:,} {what}" for what, number in counts.items() if number]
        return ", ".join([done, *rest]) + "."

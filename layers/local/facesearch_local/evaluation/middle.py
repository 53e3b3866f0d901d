"""Which face of a labelled photo the label means: the one in the middle, as LFW's protocol says."""

from collections.abc import Sequence

from facesearch.faces import BoundingBox


def most_central(boxes: Sequence[BoundingBox], width: float, height: float) -> int:
    """The place in `boxes`, of which there is one at least, of that nearest the photo's middle."""

    def off_centre(number: int) -> float:
        box = boxes[number]
        across = box.left + box.width / 2 - width / 2
        down = box.top + box.height / 2 - height / 2
        return across**2 + down**2

    return min(range(len(boxes)), key=off_centre)

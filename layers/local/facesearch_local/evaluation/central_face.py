"""Which face a photo's label means: the one nearest the centre, as in LFW's protocol."""

from collections.abc import Sequence

from facesearch.faces import BoundingBox


def most_central(boxes: Sequence[BoundingBox], width: float, height: float) -> int:
    """Index of the box whose centre is nearest the photo's centre; `boxes` is not empty."""

    def off_centre(number: int) -> float:
        box = boxes[number]
        across = box.left + box.width / 2 - width / 2
        down = box.top + box.height / 2 - height / 2
        return across**2 + down**2

    return min(range(len(boxes)), key=off_centre)

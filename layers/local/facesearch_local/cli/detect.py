"""`facesearch detect`: the faces of a photo, where they are and how good a picture of each."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from PIL import Image, ImageDraw

from facesearch.faces import DetectedFace
from facesearch.vision.images import DecodedImage
from facesearch.vision.quality import face_quality
from facesearch_local.cli import DONE
from facesearch_local.cli.command import Command
from facesearch_local.cli.drawing import check_drawable, save_picture
from facesearch_local.cli.fetching import open_pipeline
from facesearch_local.cli.options import json_option, model_settings, recipe_option
from facesearch_local.cli.output import print_json, print_note
from facesearch_local.cli.query import Query, QueryType, naming
from facesearch_local.counting import counted
from search_faces.contract.answers import DetectAnswer, Pose

HEADINGS = "face  left   top  width  height  score  sharpness  brightness   yaw  pitch  roll"
OUTLINE = "#ffb000"


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch detect group.jpg
  facesearch detect group.jpg --draw outlined.png
  facesearch detect --json group.jpg | jq '.faces[].landmarks'""",
)
@click.argument("image", metavar="IMAGE", type=QueryType())
@click.option(
    "--draw",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw boxes, landmarks and numbers into a copy, as a PNG or another image by extension.",
)
@click.option("--overwrite", is_flag=True, help="Let --draw replace a file.")
@recipe_option
@json_option
def command(
    image: Query, draw: Path | None, overwrite: bool, recipe: str | None, as_json: bool
) -> int:
    """The faces of a photo, largest first: boxes, landmarks, detection scores and quality.

    IMAGE is a file, '-' for stdin, or an http(s):// URL, which is fetched from here. Boxes are in
    pixels of the upright photo. A photo without a face is no error.
    """
    if draw is not None:
        check_drawable(draw, "'--draw'", [image], overwrite=overwrite, as_json=as_json)
    pipeline = open_pipeline(model_settings(recipe))
    data = image.read()
    with naming(image):
        photo, faces = pipeline.detect(data)
    measured = [(face, face_quality(photo, face)) for face in faces]
    answer = DetectAnswer.of(photo, measured, ())
    if as_json:
        print_json(msgspec.to_builtins(answer))
    else:
        if faces:
            click.echo(HEADINGS)
        for each in answer.faces:
            box, quality = each.box, each.quality
            click.echo(
                f"{each.index:>4}  {box.left:>4.0f}  {box.top:>4.0f}  {box.width:>5.0f}  "
                f"{box.height:>6.0f}  {each.detection_score:.3f}  {quality.sharpness:>9.0f}  "
                f"{quality.brightness:>10.2f}  {_pose_text(quality.pose)}"
            )
        used = pipeline.recipe
        holds = (
            f"and is taken whole, by recipe {used.name}: no faces are looked for"
            if used.whole_image
            else f"and has {counted(len(faces), 'face')}"
        )
        print_note(f"{image} is {photo.width} × {photo.height} pixels {holds}")
    if draw is not None:
        save_picture(outlined(photo, faces), draw)
    return DONE


def _pose_text(pose: Pose | None) -> str:
    if pose is None:
        return f"{'-':>4}  {'-':>5}  {'-':>4}"
    return f"{pose.yaw:>4.0f}  {pose.pitch:>5.0f}  {pose.roll:>4.0f}"


def outlined(photo: DecodedImage, faces: Sequence[DetectedFace]) -> Image.Image:
    """The photo, at the size it was worked with, with its faces' boxes, landmarks and numbers."""
    picture = photo.image.copy()
    scale = picture.width / photo.width
    draw, width = ImageDraw.Draw(picture), max(2, picture.width // 400)
    for number, face in enumerate(faces):
        box = face.box
        left, top = box.left * scale, box.top * scale
        corner = left + box.width * scale, top + box.height * scale
        draw.rectangle((left, top, *corner), outline=OUTLINE, width=width)
        draw.text((left + 2 * width, top + 2 * width), str(number), fill=OUTLINE, font_size=14)
        for point in face.landmarks.points if face.has_landmarks else ():
            x, y = point.x * scale, point.y * scale
            draw.ellipse((x - width, y - width, x + width, y + width), fill=OUTLINE)
    return picture

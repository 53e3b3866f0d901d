"""How long a visitor waits: from the drop of a 12-megapixel photo to the first result on screen."""

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Route

from tests.benchmarks.bench_search import served
from tests.e2e.page.visitor import Visitor, browser, chromium

WARM_UP = 3
PARTS = ("resize", "search", "server", "render", "paint", "whole")

# A file on disk, as a real drop's is.
DROP = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(document.getElementById("choose").taken);
  dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""
KEEP = """() => document.getElementById("choose").addEventListener("change", (event) => {
  event.stopImmediatePropagation();
  event.target.taken = event.target.files[0];
}, { capture: true, once: true })"""
TIMES = """async () => {
  const at = (name) => performance.getEntriesByName(name, "mark")[0]?.startTime;
  while (!at("painted")) await new Promise((resume) => setTimeout(resume, 5));
  const request = performance.getEntriesByType("resource")
    .findLast(({ name }) => name.includes("search?"));
  return {
    resize: at("resized") - at("taken"),
    search: at("answered") - at("resized"),
    server: request.responseStart - request.requestStart,
    render: at("rendered") - at("answered"),
    paint: at("painted") - at("rendered"),
    whole: at("painted") - at("taken"),
  };
}"""

# The ways to make a photo small, each in a worker as the page's own.
WAYS = """
import { readHead } from "/jpeg.js";
async function encoded(picture, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.imageSmoothingQuality = "medium";
  context.drawImage(picture, 0, 0, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}
async function decoded(data, scale) {
  const { width, height } = readHead(data);
  const size = scale && { desiredWidth: width * scale, desiredHeight: height * scale };
  const decoder = new ImageDecoder({ data, type: "image/jpeg", ...size });
  return (await decoder.decode()).image;
}
const ways = {
  "ImageDecoder, a quarter": async (file) =>
    encoded(await decoded(await file.arrayBuffer(), 1 / 4), 1000, 750),
  "ImageDecoder, three eighths": async (file) =>
    encoded(await decoded(await file.arrayBuffer(), 3 / 8), 1280, 960),
  "ImageDecoder, a half": async (file) =>
    encoded(await decoded(await file.arrayBuffer(), 1 / 2), 1280, 960),
  "ImageDecoder, whole": async (file) =>
    encoded(await decoded(await file.arrayBuffer()), 1280, 960),
  "createImageBitmap, whole": async (file) =>
    encoded(await createImageBitmap(file), 1280, 960),
  "createImageBitmap, resized": async (file) => encoded(
    await createImageBitmap(file, { resizeWidth: 1280, resizeQuality: "medium" }), 1280, 960),
};
onmessage = async ({ data: [name, file] }) => {
  const start = performance.now();
  const { size } = await ways[name](file);
  postMessage([performance.now() - start, size]);
};
postMessage(Object.keys(ways));
"""
COMPARE = """async () => {
  const file = document.querySelector("input").files[0];
  const worker = new Worker("/ways.js", { type: "module" });
  const told = () => new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
  const took = {};
  for (const name of await told()) {
    worker.postMessage([name, file]);
    took[name] = await told();
  }
  worker.terminate();
  return took;
}"""


def twelve_megapixels(path: Path) -> bytes:
    """The portrait in 4000 × 3000 pixels: its surroundings out of focus, a sensor's noise on all.

    Quality and noise make files of some 3 MB, as telephones' cameras do.
    """
    with Image.open(path) as opened:
        portrait = opened.convert("RGB")
    blurred = portrait.resize((80, 60)).filter(ImageFilter.GaussianBlur(6))
    photo = blurred.resize((4000, 3000), Image.Resampling.BICUBIC)
    scale = min(4000 / portrait.width, 3000 / portrait.height)
    size = round(portrait.width * scale), round(portrait.height * scale)
    photo.paste(portrait.resize(size, Image.Resampling.BICUBIC), ((4000 - size[0]) // 2, 0))
    noise = np.random.default_rng(1).normal(0, 5.5, (3000, 4000, 1))
    pixels = np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=90, subsampling="4:2:0")
    return data.getvalue()


def first_result(visitor: Visitor, photo: Path) -> Mapping[str, float]:
    """Milliseconds of the parts, in a page that was opened anew."""
    visitor.open()
    visitor.page.wait_for_load_state("networkidle")
    visitor.run(KEEP)
    visitor.choose(photo)
    visitor.run(DROP)
    times: Mapping[str, float] = visitor.run(TIMES)
    return times


def ways_to_resize(
    chrome: Browser, photos: Sequence[Path], read_head: str
) -> Mapping[str, Mapping[str, float]]:
    """By way: milliseconds for a photo, and kB of what is sent."""
    page = chrome.new_page()
    # On localhost: ImageDecoder wants a secure context.
    for path, kind, body in (
        ("/", "text/html", "<input type=file>"),
        ("/ways.js", "text/javascript", WAYS),
        ("/jpeg.js", "text/javascript", read_head),
    ):
        page.route(f"http://localhost{path}", partial(_fulfil, kind=kind, body=body))
    page.goto("http://localhost/")
    taken: dict[str, list[tuple[float, int]]] = {}
    for photo in photos:
        page.locator("input").set_input_files(photo)
        for name, (took, size) in page.evaluate(COMPARE).items():
            taken.setdefault(name, []).append((took, size))
    return {
        name: {
            **_figures([took for took, _ in each[WARM_UP:]]),
            "kB": round(float(np.mean([size for _, size in each]) / 1000)),
        }
        for name, each in taken.items()
    }


def _fulfil(route: Route, *, kind: str, body: str) -> None:
    route.fulfill(content_type=kind, body=body)


def _figures(milliseconds: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.percentile(milliseconds, [50, 95]).round(1).tolist()
    return {"p50": p50, "p95": p95}


@click.command(
    epilog="Example: python -m tests.benchmarks.bench_page sqlite:///demo/faces.db SAMPLE/val"
)
@click.argument("store")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--drops", default=20, show_default=True, help="Photos of FOLDER to drop.")
@click.option("--port", default=8766, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(store: str, folder: Path, drops: int, port: int, as_json: bool) -> None:
    """Drop photos of FOLDER, enlarged to 12 megapixels, on the page of a server over STORE.

    resize + search + render + paint = whole; server is search without the browser's own part.
    """
    program = chromium()
    if program is None:
        raise click.ClickException("there is no Chromium: install it")
    portraits = sorted(folder.rglob("*.jpg"))
    with TemporaryDirectory() as made, browser(program) as chrome:
        photos = []
        for number in range(drops + WARM_UP):
            photos.append(Path(made) / f"{number}.jpg")
            photos[-1].write_bytes(twelve_megapixels(portraits[number % len(portraits)]))
        megabytes = float(np.mean([photo.stat().st_size for photo in photos]) / 1e6)
        with served(store, port, None) as address:
            visitor = Visitor(chrome.new_context(), f"{address}/").open()
            read_head = visitor.run("fetch('page/jpeg.js').then((file) => file.text())")
            taken = [first_result(visitor, photo) for photo in photos][WARM_UP:]
        ways = ways_to_resize(chrome, photos, read_head)
    parts = {part: _figures([each[part] for each in taken]) for part in PARTS}
    if as_json:
        click.echo(json.dumps({"photo_mb": megabytes, "parts_ms": parts, "ways_ms": ways}))
        return
    click.echo(f"{drops} drops of photos of {megabytes:.1f} MB, milliseconds:")
    for part, each in parts.items():
        click.echo(f"{part:28} p50 {each['p50']:6.1f}  p95 {each['p95']:6.1f}")
    click.echo("ways to resize, side by side:")
    for way, figures in ways.items():
        click.echo(
            f"{way:28} p50 {figures['p50']:6.1f}  p95 {figures['p95']:6.1f}  {figures['kB']:.0f} kB"
        )


if __name__ == "__main__":
    main()

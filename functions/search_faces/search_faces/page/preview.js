/** What is searched with: the photo and a strip of its faces, several photos, or a stored face. */

import { $, count, either, make, setAspect, worded } from "./dom.js";

const SIDE = 72;
let cutFrom = null;

/** A photo; `faces` may be empty, as before the answer. `choose` is called with a face's index. */
export function showPhoto({ name, prepared, photo, faces = [], chosen = 0 }, choose) {
  $("preview").hidden = false;
  const image = $("shown");
  const size = prepared?.width ? prepared : photo;
  image.hidden = !prepared?.url;
  if (prepared?.url && image.getAttribute("src") !== prepared.url) image.src = prepared.url;
  image.alt = `Your photo${name ? `, ${name}` : ""}`;
  $("stage").classList.toggle("unseen", !prepared?.url);
  setAspect($("stage"), size);
  $("stage").hidden = false;
  $("outlines").replaceChildren(...(photo ? faces.map(outline) : []));
  strip(faces.length > 1 ? faces : [], photo, prepared?.url, chosen, choose);
  $("caption").textContent = captionOf(faces, !photo || Boolean(prepared?.url));

  function outline({ index, box }) {
    const mark = make("span", { class: index === chosen ? "chosen" : "" });
    // Percentages of the stage, which has the photo's aspect.
    mark.style.left = `${(100 * box.left) / photo.width}%`;
    mark.style.top = `${(100 * box.top) / photo.height}%`;
    mark.style.width = `${(100 * box.width) / photo.width}%`;
    mark.style.height = `${(100 * box.height) / photo.height}%`;
    return mark;
  }
}

/** Crops of the faces as buttons, large enough for a finger. */
function strip(faces, photo, url, chosen, choose) {
  const same = cutFrom === url && $("faces").children.length === faces.length;
  cutFrom = url;
  if (!same) {
    $("faces").replaceChildren(
      ...faces.map(({ index }) => {
        const canvas = make("canvas", { width: SIDE * 2, height: SIDE * 2 });
        return make("button", { type: "button", "aria-label": worded(`Face ${index + 1} of ${faces.length}`) }, canvas);
      }),
    );
    if (url && faces.length) cut(faces, photo, url);
  }
  faces.forEach(({ index }) => {
    const button = $("faces").children[index];
    button.setAttribute("aria-pressed", String(index === chosen));
    button.onclick = () => choose(index);
  });
}

async function cut(faces, photo, url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  if (cutFrom !== url) return;
  const scale = image.naturalWidth / photo.width;
  faces.forEach(({ index, box }) => {
    const side = 1.5 * Math.max(box.width, box.height) * scale;
    const left = (box.left + box.width / 2) * scale - side / 2;
    const top = (box.top + box.height / 2) * scale - side / 2;
    $("faces").children[index]?.firstChild
      .getContext("2d").drawImage(image, left, top, side, side, 0, 0, SIDE * 2, SIDE * 2);
  });
}

function captionOf(faces, seen) {
  const unseen = seen ? "" : "This browser cannot show the photo. ";
  if (faces.length < 2) return unseen;
  return `${unseen}${count(faces.length, "face", "faces")} found: choose the one to search with.`;
}

/** Several photos of one person, whose largest faces are averaged. */
export function showPerson(photos, left = 0) {
  $("preview").hidden = false;
  $("stage").hidden = true;
  $("outlines").replaceChildren();
  cutFrom = null;
  $("faces").replaceChildren(
    ...photos.map(({ file, prepared }) =>
      // What this browser cannot read has its name.
      make("span", { class: "one" }, prepared?.url ? make("img", { src: prepared.url, alt: file.name }) : file.name)),
  );
  const what = either(" of one person: the largest face of each counts.", " of one thing, averaged.");
  const leftOut = left ? ` ${count(left, "photo was", "photos were")} left out: ten are taken at most.` : "";
  $("caption").textContent = count(photos.length, "photo", "photos") + what + leftOut;
}

/** A stored face, by the picture of its surroundings (null while it is fetched). */
export function showFace({ url, name, details }) {
  $("preview").hidden = false;
  $("stage").hidden = false;
  setAspect($("stage"), null);
  $("stage").classList.toggle("unseen", !url);
  cutFrom = null;
  $("faces").replaceChildren();
  $("outlines").replaceChildren();
  const image = $("shown");
  image.hidden = !url;
  if (url) image.src = url;
  image.alt = worded(name ? `A face in ${name}` : "The chosen face");
  $("caption").replaceChildren(...(name ? [make("strong", {}, name)] : []), details ?? "");
}

/** No photo: `home`. */
export function showNothing() {
  $("preview").hidden = true;
  $("shown").removeAttribute("src");
  cutFrom = null;
  $("faces").replaceChildren();
  $("outlines").replaceChildren();
  $("caption").textContent = "";
}

export function focusFace(index) {
  $("faces").children[index]?.focus();
}

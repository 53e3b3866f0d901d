/** What is searched with: the photo with its faces, which can be chosen, or a stored face. */

import { $, count, make } from "./dom.js";

/** A photo; `faces` may be empty, as before the answer. `choose` is called with a face's index. */
export function showPhoto({ name, prepared, photo, faces = [], chosen = 0 }, choose) {
  $("preview").hidden = false;
  const image = $("shown");
  const size = prepared?.width ? prepared : photo;
  image.hidden = !prepared?.url;
  if (prepared?.url && image.getAttribute("src") !== prepared.url) image.src = prepared.url;
  image.alt = `Your photo${name ? `, ${name}` : ""}`;
  $("stage").classList.toggle("unseen", !prepared?.url);
  $("stage").style.aspectRatio = size ? `${size.width} / ${size.height}` : "1";
  $("faces").replaceChildren(...(photo ? faces.map((face) => outline(face, photo)) : []));
  $("caption").textContent = captionOf(faces, !photo || Boolean(prepared?.url));

  function outline({ index, box }, { width, height }) {
    const button = make("button", {
      type: "button",
      "aria-pressed": String(index === chosen),
      "aria-label": `Face ${index + 1} of ${faces.length}`,
    });
    // Percentages of the stage, which has the photo's aspect.
    button.style.left = `${(100 * box.left) / width}%`;
    button.style.top = `${(100 * box.top) / height}%`;
    button.style.width = `${(100 * box.width) / width}%`;
    button.style.height = `${(100 * box.height) / height}%`;
    button.addEventListener("click", () => choose(index));
    return button;
  }
}

function captionOf(faces, seen) {
  const unseen = seen ? "" : "This browser cannot show the photo. ";
  if (faces.length < 2) return unseen;
  return `${unseen}${count(faces.length, "face", "faces")} found: choose the one to search with.`;
}

/** A stored face, by the picture of its surroundings (null while it is fetched). */
export function showFace({ url, name, details }) {
  $("preview").hidden = false;
  $("stage").style.aspectRatio = "1";
  $("stage").classList.toggle("unseen", !url);
  $("faces").replaceChildren();
  const image = $("shown");
  image.hidden = !url;
  if (url) image.src = url;
  image.alt = name ? `A face in ${name}` : "The chosen face";
  $("caption").replaceChildren(...(name ? [make("strong", {}, name)] : []), details ?? "");
}

/** No photo: `home`. */
export function showNothing() {
  $("preview").hidden = true;
  $("shown").removeAttribute("src");
  $("faces").replaceChildren();
  $("caption").textContent = "";
}

/** After a choice the buttons are made anew: the focus stays where it was. */
export function focusFace(index) {
  $("faces").children[index]?.focus();
}

/** The photo that a match is in: all its faces outlined, what is known of it, and where it is. */

import { address, call } from "./api.js";
import { $, count, make, nameOf, pathOf, placeOf, say, setAspect, worded } from "./dom.js";

const photoDialog = $("photo-dialog");
const DOUBLE_CLICK_MS = 500;
let openedAt = 0;
let openPhoto = null;
let pictureUrl = null;
let faceLink = null;

/**
 * `linkOf` makes a link's address from a face; `go` follows it; `step` shows another match (1: the
 * next, -1: the one before); `closed` is called after.
 */
export function setUpPhotoView({ linkOf, go, step, closed }) {
  $("photo-before").onclick = () => step(-1);
  $("photo-after").onclick = () => step(1);
  photoDialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    // With Alt it is the browser's way back.
    if (by && !event.altKey && !event.metaKey && !event.ctrlKey) step(by);
  });
  $("close-photo").onclick = () => photoDialog.close();
  photoDialog.addEventListener("click", ({ target, timeStamp }) => {
    // What lies beside it closes it; not the second half of a double click on a match.
    if (target === photoDialog && timeStamp - openedAt > DOUBLE_CLICK_MS) photoDialog.close();
  });
  photoDialog.addEventListener("close", closed);
  $("photo-search").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    // First: what closes afterwards is no way back any more.
    go(openPhoto.face, openPhoto.stored);
    photoDialog.close();
  });
  $("photo-copy").onclick = async () => {
    await navigator.clipboard.writeText($("photo-copy").dataset.path);
    $("photo-copy").textContent = "Copied";
    say("The path is copied");
  };
  faceLink = linkOf;
}

export const photoIsOpen = () => photoDialog.open;
export const closePhoto = () => photoDialog.open && photoDialog.close();

/** Show the photo of a stored face. `stored` is what is known of it already; `place` "3 of 20". */
export async function showStoredPhoto(faceId, { stored, others = [], before, after, place = "" }) {
  const view = { face: faceId, stored };
  openPhoto = view;
  const name = stored ? nameOf(stored.photo_id).name : "Photo";
  $("photo-title").textContent = name;
  $("photo-steps").hidden = !place;
  $("photo-place").textContent = place;
  $("photo-before").disabled = !before;
  $("photo-after").disabled = !after;
  $("photo-faces").replaceChildren();
  $("photo-facts").replaceChildren();
  $("photo-hint").textContent = "";
  $("photo-wrong").hidden = true;
  $("photo-copy").textContent = "Copy path";
  for (const id of ["photo-open", "photo-download", "photo-copy"]) $(id).hidden = true;
  $("photo-search").href = faceLink(faceId);
  $("photo-shown").removeAttribute("src");
  $("photo-stage").classList.add("waiting");
  setAspect($("photo-stage"), stored?.photo);
  if (!photoDialog.open) {
    openedAt = performance.now();
    photoDialog.showModal();
  }
  const path = `v1/faces/${encodeURIComponent(faceId)}`;
  const seen = call(`${path}/preview`, { as: "blob" }).then(
    (blob) => openPhoto === view && showPicture(blob, name),
    (error) => openPhoto === view && showMissing(error),
  );
  try {
    const photo = await call(`${path}/photo`);
    if (openPhoto === view) showFacts(photo, view, others);
  } catch (error) {
    if (openPhoto === view) $("photo-hint").textContent = [error.title, error.detail].filter(Boolean).join(". ");
  }
  await seen;
}

function showPicture(blob, name) {
  if (pictureUrl) URL.revokeObjectURL(pictureUrl);
  pictureUrl = URL.createObjectURL(blob);
  $("photo-shown").src = pictureUrl;
  $("photo-shown").alt = `The photo ${name}`;
  $("photo-stage").classList.remove("waiting");
}

function showMissing({ status, title, detail }) {
  $("photo-stage").classList.remove("waiting");
  $("photo-wrong").hidden = false;
  $("photo-wrong").textContent = status === 404
    ? "The photo cannot be read now: it was moved, deleted or changed since it was indexed, or its disk is away."
    : [title, detail].filter(Boolean).join(". ");
}

function showFacts(photo, view, others) {
  const { width, height } = photo.photo;
  setAspect($("photo-stage"), photo.photo);
  $("photo-title").textContent = nameOf(photo.photo_id).name;
  const path = photo.path ?? pathOf(photo.photo_id);
  const facts = [
    ["Path", path],
    ...others.map((each) => ["The same photo", pathOf(each)]),
    ["Size", `${width.toLocaleString("en")} × ${height.toLocaleString("en")} px${photo.size_bytes ? `, ${sizeOf(photo.size_bytes)}` : ""}`],
    ["Date", photo.modified && new Date(photo.modified).toLocaleString("en", { dateStyle: "long", timeStyle: "short" })],
    ["Collection", photo.collection === "default" ? "" : photo.collection],
    ...Object.entries(photo.metadata),
  ];
  $("photo-facts").replaceChildren(
    ...facts.filter(([, text]) => text).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]),
  );
  $("photo-copy").hidden = false;
  $("photo-copy").dataset.path = path;
  for (const id of ["photo-open", "photo-download"]) {
    $(id).hidden = !photo.photo_url;
    if (photo.photo_url) $(id).href = address(photo.photo_url);
  }
  const { faces } = photo;
  $("photo-hint").textContent = faces.length > 1
    ? `${count(faces.length, "face", "faces")}: choose one to search with.`
    : "";
  $("photo-faces").replaceChildren(...faces.map((face) => outline(face)));
  choose(view.face);

  function outline({ face_id, box, index }) {
    const button = make("button", {
      type: "button", "data-face": face_id, "aria-label": worded(`Face ${index + 1} of ${faces.length}`),
    });
    button.style.left = `${(100 * box.left) / width}%`;
    button.style.top = `${(100 * box.top) / height}%`;
    button.style.width = `${(100 * box.width) / width}%`;
    button.style.height = `${(100 * box.height) / height}%`;
    button.onclick = () => choose(face_id);
    return button;
  }

  function choose(faceId) {
    view.face = faceId;
    view.stored = faces.find((each) => each.face_id === faceId) ?? view.stored;
    $("photo-search").href = faceLink(faceId);
    for (const button of $("photo-faces").children) {
      button.setAttribute("aria-pressed", String(button.dataset.face === faceId));
    }
  }
}

const sizeOf = (bytes) =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

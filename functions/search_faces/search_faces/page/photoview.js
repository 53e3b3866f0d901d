/** The photo that a match is in: all its faces outlined, what is known of it, and where it is. */

import { address, call } from "./api.js";
import { $, count, make, nameOf, pathOf, placeOf, say, setAspect, worded } from "./dom.js";

const photoDialog = $("photo-dialog");
const DOUBLE_CLICK_MS = 500;
let openedAt = 0;
let openPhoto = null;
let pictureUrl = null;
let faceLink = null;
let mayHide = false;

/**
 * `linkOf` makes a link's address from a face; `go` follows it; `step` shows another match (1: the
 * next, -1: the one before); `closed` is called after; `decided` when a face was hidden or shown.
 */
export function setUpPhotoView({ linkOf, go, step, closed, decided }) {
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
  $("photo-hide").onclick = async () => {
    const view = openPhoto;
    const { face_id, hidden } = view.stored;
    $("photo-hide").disabled = true;
    try {
      const told = await call(`v1/faces/${encodeURIComponent(face_id)}/hidden`, { method: hidden ? "DELETE" : "PUT" });
      decided();
      if (openPhoto === view) view.showDecision(told);
      say(hidden ? "The face is shown again" : "The face is hidden: no search finds it");
    } catch ({ title, detail }) {
      if (openPhoto === view) $("photo-hint").textContent = [title, detail].filter(Boolean).join(". ");
    } finally {
      $("photo-hide").disabled = false;
    }
  };
  faceLink = linkOf;
}

/** Callers who may add photos may hide faces. */
export function allowHiding() {
  mayHide = true;
  openPhoto?.showDecision?.();
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
  for (const id of ["photo-open", "photo-download", "photo-copy", "photo-hide"]) $(id).hidden = true;
  $("photo-search").href = faceLink(faceId);
  $("photo-search").hidden = false;
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
  let { faces } = photo;
  view.showDecision = (told) => {
    faces = faces.map((face) => (face.face_id === told?.face_id ? told : face));
    $("photo-faces").replaceChildren(...faces.map((face) => outline(face)));
    choose(view.face);
  };
  view.showDecision();

  function outline({ face_id, box, index, hidden }) {
    const button = make("button", {
      type: "button", "data-face": face_id, class: hidden && "unfound",
      "aria-label": worded(`Face ${index + 1} of ${faces.length}${hidden ? ", hidden" : ""}`),
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
    const hidden = Boolean(view.stored?.hidden);
    $("photo-search").href = faceLink(faceId);
    $("photo-search").hidden = hidden;
    $("photo-hide").hidden = !(mayHide && faces.some((each) => each.face_id === faceId));
    $("photo-hide").textContent = worded(hidden ? "Show this face again" : "Hide this face");
    $("photo-hint").textContent = hintOf(hidden, faces.length);
    for (const button of $("photo-faces").children) {
      button.setAttribute("aria-pressed", String(button.dataset.face === faceId));
    }
  }
}

function hintOf(hidden, faces) {
  if (hidden) return worded("This face is hidden: no search finds it.");
  return faces > 1 ? `${count(faces, "face", "faces")}: choose one to search with.` : "";
}

const sizeOf = (bytes) =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

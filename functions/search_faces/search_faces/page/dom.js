/** Shorthands for the page's elements, and what is said to screen readers. */

export const $ = (id) => document.getElementById(id);

/** An element; strings become text, never markup: names of photos come from strangers. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Give a stage its photo's aspect, so that outlines are where faces are; square without a size. */
export function setAspect(stage, size) {
  const { width, height } = size?.width ? size : { width: 1, height: 1 };
  stage.style.aspectRatio = `${width} / ${height}`;
  stage.style.setProperty("--shape", width / height);
}

/** Tell those who do not see the page; the same words twice are said twice. */
export function say(text) {
  const place = $("said");
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

const ofWholeImages = globalThis.document?.documentElement?.dataset?.regions === "whole-image";

/** The text; where whole pictures are searched, not the faces in them, with that word. */
export const worded = (text) =>
  ofWholeImages ? text.replace(/\b([Ff])ace(?=s?\b)/g, (_, f) => (f === "F" ? "Picture" : "picture")) : text;

/** `faces`; where whole pictures are searched, `whole`. */
export const either = (faces, whole) => (ofWholeImages ? whole : faces);

/** Say in the page's own texts what is searched: in `data-whole` they have the other words. */
export function nameRegions() {
  if (!ofWholeImages) return;
  for (const each of document.querySelectorAll("[data-whole]")) each.textContent = each.dataset.whole;
  for (const each of document.querySelectorAll("[aria-label]")) each.ariaLabel = worded(each.ariaLabel);
}

export const count = (number, one, many) =>
  worded(`${number.toLocaleString("en")} ${number === 1 ? one : many}`);

/** An address as text; as it is where it holds a name that is not UTF-8. */
function decoded(address) {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

/** A photo's path on the service's machine, or its address. */
export const pathOf = (photoId) =>
  photoId.startsWith("file:") ? decoded(photoId.slice("file://".length)) : photoId;

/** The last part of a photo's id, without what an upload put before it, and the folder before it. */
export function nameOf(photoId) {
  // Keys of a bucket are not encoded, addresses of files are.
  const path = photoId.startsWith("file:") ? decoded(photoId) : photoId;
  const parts = path.split("/").filter(Boolean);
  const name = (parts.at(-1) ?? photoId).replace(/^[0-9a-f]{8}-(?=.)/, "");
  return { name, folder: parts.length > 3 ? parts.at(-2) : "" };
}

/** Where a photo is, for people: its collection, if it has one of its own, and its folder. */
export function placeOf({ photo_id, collection }) {
  const named = collection === "default" ? "" : collection;
  return [...new Set([named, nameOf(photo_id).folder])].filter(Boolean).join(" · ");
}

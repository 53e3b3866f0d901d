/** Pictures of faces, fetched with the key when they come into view, kept while there is room. */

import { call } from "./api.js";

const LOADED_AT_ONCE = 4;
const MOST_KEPT = 400;
const kept = new Map();
const fetched = new Map();
const wanted = [];
let loading = 0;

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      wanted.push(target);
    }
    loadNext();
  },
  { rootMargin: "200px" },
);

/** Show the face in `image` once it is near the view. */
export function showLater(image, faceId) {
  image.dataset.face = faceId;
  if (kept.has(faceId)) image.src = kept.get(faceId);
  else watcher.observe(image);
}

/** The URL of a face's picture, or null where the photo cannot be read now. */
export async function pictureOf(faceId) {
  if (kept.has(faceId)) return kept.get(faceId);
  // A face may be wanted again while it is on its way: the grid is made anew with each page.
  if (!fetched.has(faceId)) fetched.set(faceId, fetchPicture(faceId).finally(() => fetched.delete(faceId)));
  return fetched.get(faceId);
}

async function fetchPicture(faceId) {
  const path = `v1/faces/${encodeURIComponent(faceId)}/thumbnail`;
  try {
    kept.set(faceId, URL.createObjectURL(await call(path, { as: "blob", ask: false })));
  } catch {
    return null;
  }
  if (kept.size > MOST_KEPT) drop(kept.keys().next().value);
  return kept.get(faceId);
}

function drop(faceId) {
  URL.revokeObjectURL(kept.get(faceId));
  kept.delete(faceId);
}

function loadNext() {
  while (loading < LOADED_AT_ONCE && wanted.length) {
    const image = wanted.shift();
    // Of results that are gone, nobody waits for pictures.
    if (!image.isConnected) continue;
    loading += 1;
    pictureOf(image.dataset.face)
      .then((url) => {
        if (url) image.src = url;
        else image.parentElement.classList.add("unseen");
      })
      .finally(() => {
        loading -= 1;
        loadNext();
      });
  }
}

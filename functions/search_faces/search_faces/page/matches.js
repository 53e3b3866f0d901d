/** The nearest faces to photos or to a stored one, a page at a time. */

import { call } from "./api.js";
import { scopeOptions } from "./filters.js";
import { chooser } from "./holdings.js";
import { prepare } from "./photo.js";

const K = 20;

/** The service's answer; `prepared` is called once the view's photo can be shown. */
export async function matchesOf(view, offset, signal, prepared) {
  const query = { k: K, offset, collection: chooser.value, ...scopeOptions() };
  if (view.kind === "face") {
    return call(`v1/faces/${encodeURIComponent(view.faceId)}/matches`, { query, signal });
  }
  if (view.kind === "person") return ofPerson(view, query, signal, prepared);
  if (!view.prepared) {
    view.prepared = await prepare(view.file);
    performance.mark("resized");
    signal.throwIfAborted();
    prepared();
  }
  const { blob } = view.prepared;
  const headers = { "Content-Type": blob.type || "application/octet-stream" };
  const face = view.face || undefined;
  // What this browser cannot read, the service shows.
  const include = view.prepared.url ? undefined : "boxes,preview";
  const options = { method: "POST", query: { ...query, face, include }, headers, body: blob, signal };
  const answer = await call("v1/search", options);
  if (answer.preview) view.prepared.url = answer.preview;
  performance.mark("answered");
  return answer;
}

async function ofPerson(view, query, signal, prepared) {
  for (const photo of view.photos) photo.prepared ??= await prepare(photo.file);
  signal.throwIfAborted();
  prepared();
  const body = new FormData();
  for (const { file, prepared: made } of view.photos) body.append("photo", made.blob, file.name);
  return call("v1/search", { method: "POST", query, body, signal });
}

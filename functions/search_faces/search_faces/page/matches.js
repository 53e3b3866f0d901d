/** The nearest faces to a photo's or to a stored one, a page at a time. */

import { call } from "./api.js";
import { chooser } from "./holdings.js";
import { prepare } from "./photo.js";

const K = 20;

/** The service's answer; `prepared` is called once the view's photo can be shown. */
export async function matchesOf(view, offset, signal, prepared) {
  const query = { k: K, offset, collection: chooser.value };
  if (view.kind === "face") {
    return call(`v1/faces/${encodeURIComponent(view.faceId)}/matches`, { query, signal });
  }
  if (!view.prepared) {
    view.prepared = await prepare(view.file);
    performance.mark("resized");
    signal.throwIfAborted();
    prepared();
  }
  const { blob } = view.prepared;
  const headers = { "Content-Type": blob.type || "application/octet-stream" };
  const face = view.face || undefined;
  const options = { method: "POST", query: { ...query, face }, headers, body: blob, signal };
  const answer = await call("v1/search", options);
  performance.mark("answered");
  return answer;
}

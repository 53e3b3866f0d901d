/** What the service holds: how much, and in which collections. */

import { call } from "./api.js";
import { $, count, make } from "./dom.js";

export const chooser = $("collection");

/** By the last look: `{photos, faces}`, or null while it is not known. */
export let holds = null;

/** Look again; it asks for no key, as nobody has searched yet. */
export function loadHoldings() {
  loadCounts();
  loadCollections();
}

async function loadCounts() {
  holds = await call("v1/health", { ask: false }).catch(() => null);
  if (!holds) return;
  const { photos, faces } = holds;
  $("holds").textContent = `${count(photos, "photo", "photos")}, ${count(faces, "face", "faces")}`;
}

async function loadCollections() {
  const { collections } = await call("v1/collections", { ask: false }).catch(() => ({ collections: [] }));
  $("collection-row").hidden = collections.length < 2;
  const before = chooser.value;
  chooser.replaceChildren(
    make("option", { value: "" }, "all collections"),
    ...collections.map(({ name, photos }) =>
      make("option", { value: name }, `${name} (${count(photos, "photo", "photos")})`)),
  );
  chooser.value = before;
  $("collections").replaceChildren(...collections.map(({ name }) => make("option", { value: name })));
}

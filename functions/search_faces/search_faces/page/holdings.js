/** What the service holds: how much, and in which collections. */

import { call } from "./api.js";
import { $, count, either, make } from "./dom.js";

export const chooser = $("collection");

/** By the last look: `{photos, faces}`, or null while it is not known. */
export let holds = null;

/** Look again; it asks for no key, as nobody has searched yet. */
export async function loadHoldings() {
  const held = await call("v1/collections", { ask: false }).catch(() => null);
  const collections = held?.collections ?? [];
  const sum = (what) => collections.reduce((all, each) => all + each[what], 0);
  holds = held && { photos: sum("photos"), faces: sum("faces") };
  if (holds) {
    const { photos, faces } = holds;
    $("empty-index").hidden = faces > 0;
    $("holds").textContent = count(photos, "photo", "photos") + either(`, ${count(faces, "face", "faces")}`, "");
  }
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

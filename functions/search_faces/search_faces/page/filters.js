/** What narrows a search: metadata, expansion and the distance threshold. The address keeps them. */

import { $ } from "./dom.js";

const slider = $("limit");
const ANY = Number(slider.max);

export const limit = () => (Number(slider.value) >= ANY ? Infinity : Number(slider.value));

export const setLimit = (text) => {
  slider.value = text && Number(text) > 0 ? text : ANY;
};

/** Metadata by name. A comma begins another only before NAME=, as values have commas, too. */
export function metadata() {
  const pairs = $("metadata").value.split(/,(?=[^,=]+=)/).map((each) => each.trim().split(/=(.*)/s));
  return Object.fromEntries(pairs.filter(([name, value]) => name && value));
}

/** Whether the field is empty or NAME=VALUE; if not, it says so. */
function metadataIsRead() {
  const field = $("metadata");
  const read = !field.value.trim() || Object.keys(metadata()).length > 0;
  field.setCustomValidity(read ? "" : "Write NAME=VALUE, such as album=summer.");
  return field.reportValidity();
}

/** As options of a search. */
export function scopeOptions() {
  const entries = Object.entries(metadata()).map(([name, value]) => [`metadata.${name}`, value]);
  return { ...Object.fromEntries(entries), ...($("expand").checked && { expand: "true" }) };
}

/** What makes another search of the same query. */
export const scopeKey = () => JSON.stringify([$("collection").value, scopeOptions()]);

export function readFilters(asked) {
  setLimit(asked.get("max_distance"));
  $("expand").checked = asked.get("expand") === "true";
  $("metadata").value = [...asked]
    .filter(([name]) => name.startsWith("metadata."))
    .map(([name, value]) => `${name.slice(9)}=${value}`)
    .join(", ");
  if (asked.size > (asked.has("face") ? 1 : 0) + (asked.has("photo") ? 1 : 0)) $("filters").open = true;
}

export function writeFilters(asked) {
  if (limit() < Infinity) asked.set("max_distance", limit());
  if ($("collection").value) asked.set("collection", $("collection").value);
  for (const [name, value] of Object.entries(scopeOptions())) asked.set(name, value);
}

/** `again` runs the search anew, `hide` only hides what is beyond the threshold. */
export function setUpFilters(again, hide) {
  slider.addEventListener("input", hide);
  for (const id of ["collection", "expand", "metadata", "limit"]) {
    $(id).addEventListener("change", () => metadataIsRead() && again(id !== "limit"));
  }
  $("metadata").addEventListener("input", ({ target }) => target.setCustomValidity(""));
}

/** The matches in groups by verdict, best first; look-alikes are folded. */

import { limit } from "./filters.js";
import { $, count, make, nameOf, pathOf, placeOf, worded } from "./dom.js";
import { showLater } from "./thumbnails.js";

/** What verdicts are called: of a group, and of one. */
export const VERDICTS = {
  very_likely: { group: "Very likely the same person", one: "Very likely the same person", short: "Very likely" },
  possible: { group: "Possible", one: "Possibly the same person", short: "Possible" },
  look_alike: { group: "Look-alikes", one: "Only a look-alike", short: "Look-alike" },
  unknown: { group: "Nearest faces", one: "Nobody has measured what this means", short: "" },
};

/** Exact duplicates, which have one distance, size and box, as one: `{match, copies}`. */
export function collapsed(matches) {
  const cards = new Map();
  for (const match of matches) {
    const key = JSON.stringify([match.distance, match.photo, match.box, match.detection_score]);
    if (cards.has(key)) cards.get(key).copies.push(match);
    else cards.set(key, { match, copies: [] });
  }
  return [...cards.values()];
}

/** Put the matches into the grid, in groups; `address` makes a match's link. */
export function showMatches(matches, address, unfolded = false) {
  const groups = new Map();
  let rank = 0;
  for (const each of collapsed(matches)) {
    const verdict = each.match.verdict ?? "unknown";
    if (!groups.has(verdict)) groups.set(verdict, []);
    groups.get(verdict).push(card(each, (rank += 1), address));
  }
  $("grid").replaceChildren(...[...groups].map(([verdict, cards]) => group(verdict, cards, unfolded)));
}

function group(verdict, cards, unfolded) {
  const title = make("h3", {}, worded(VERDICTS[verdict].group), " ", make("span", { class: "many" }));
  const list = make("ol", { class: verdict }, ...cards);
  if (verdict !== "look_alike") return make("section", {}, title, list);
  const folded = make("details", { open: unfolded }, make("summary", {}, title), list);
  return make("section", { class: "below" }, folded);
}

function card({ match, copies }, rank, address) {
  const image = make("img", { alt: "", width: 216, height: 216, decoding: "async" });
  const verdict = VERDICTS[match.verdict];
  const link = make(
    "a",
    { href: address(match), "data-face": match.face_id, title: pathOf(match.photo_id) },
    make("span", { class: "thumb" }, image),
    make("span", { class: "rank" }, make("span", { class: "hidden" }, "Rank "), String(rank)),
    ...(copies.length ? [make("span", { class: "copies" }, `×${copies.length + 1}`, make("span", { class: "hidden" }, " copies"))] : []),
    make("span", { class: "name" }, ...breakable(nameOf(match.photo_id).name)),
    make("span", { class: "folder" }, placeOf(match) || "\u00a0"),
    make(
      "span",
      { class: "numbers" },
      make("b", {}, verdict?.short ?? ""),
      make("span", {}, make("span", { class: "hidden" }, "distance "), match.distance.toFixed(2)),
    ),
  );
  showLater(image, match.face_id);
  const item = make("li", {}, link);
  item.dataset.distance = match.distance;
  return item;
}

/** A name that may go on in another line after each of its words. */
const breakable = (name) => name.split(/(?<=[_-])/).flatMap((part) => [part, make("wbr")]);

/** Hide what is beyond the threshold, and say how much; returns how many are left. */
export function applyLimit(more) {
  const most = limit();
  let shown = 0;
  let hidden = 0;
  for (const section of $("grid").children) {
    const items = [...section.querySelectorAll("li")];
    items.forEach((item) => (item.hidden = Number(item.dataset.distance) > most));
    const left = items.filter((item) => !item.hidden).length;
    section.hidden = !left;
    section.querySelector(".many").textContent = left;
    shown += left;
    hidden += items.length - left;
  }
  const text = most === Infinity ? "none" : most.toFixed(2);
  $("limit-said").textContent = text;
  $("limit").setAttribute("aria-valuetext", text);
  $("hidden-said").hidden = !hidden;
  $("hidden-said").textContent = hidden
    ? `${count(hidden, "face is", "faces are")} beyond the threshold of ${most.toFixed(2)}, and hidden.`
    : "";
  // What comes after a hidden match is farther still.
  $("more").hidden = !more || hidden > 0;
  return shown;
}

/** What the verdicts stand on, in a sentence; `limits` may be null. */
export function limitsSentence(limits) {
  if (!limits) return "Nobody has measured what distances mean with this recipe: compare by eye.";
  const { faces, very_likely: near, basis, passing } = limits;
  const among = `Among ${count(faces, "face", "faces")}`;
  if (near === null) {
    return `${among}, nothing can be called very likely: strangers come so near that the limit would let only ${Math.round(100 * passing)}% of true matches pass. Narrow the search to a collection, or compare by eye.`;
  }
  if (basis === "set") return `Very likely: up to a distance of ${near.toFixed(2)}, as whoever runs this service set it.`;
  return `${among}, very likely is up to a distance of ${near.toFixed(2)}: at most 1 in 100 searches for somebody who is not here shows a stranger so near${basis === "extrapolated" ? " (extrapolated from smaller libraries)" : ""}.`;
}

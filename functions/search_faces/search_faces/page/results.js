/** The grid of matches, best first, and the slider that hides the distant ones. */

import { $, count, make, nameOf, percent, placeOf } from "./dom.js";
import { showLater } from "./thumbnails.js";

const slider = $("limit");
/** Confidence by distance in hundredths, as the service computes it. */
const CONFIDENCES = slider.dataset.confidences.split(" ").map(Number);
const ANY = Number(slider.max);

export const limit = () => (Number(slider.value) >= ANY ? Infinity : Number(slider.value));

export function setLimit(text) {
  slider.value = text && Number(text) > 0 ? text : ANY;
}

/** Put the matches from `start` on into the grid; `address` makes a match's link. */
export function showMatches(matches, start, address) {
  const cards = matches.slice(start).map((match, at) => card(match, start + at + 1, address));
  if (start) $("grid").append(...cards);
  else $("grid").replaceChildren(...cards);
}

function card(match, rank, address) {
  const image = make("img", { alt: "", width: 216, height: 216, decoding: "async" });
  const sure = make("span", { class: "sure" });
  sure.style.setProperty("--sure", match.confidence);
  const link = make(
    "a",
    { href: address(match), "data-face": match.face_id },
    make("span", { class: "thumb" }, image),
    make("span", { class: "rank" }, make("span", { class: "hidden" }, "Rank "), String(rank)),
    make("span", { class: "name" }, nameOf(match.photo_id).name),
    make("span", { class: "folder" }, placeOf(match) || "\u00a0"),
    sure,
    make(
      "span",
      { class: "numbers" },
      make("b", {}, make("span", { class: "hidden" }, "confidence "), percent(match.confidence)),
      make("span", {}, `distance ${match.distance.toFixed(2)}`),
    ),
  );
  showLater(image, match.face_id);
  return make("li", { class: match.confidence >= 0.5 ? "likely" : "" }, link);
}

/** Hide what is beyond the slider, and say how much; returns how many are left. */
export function applyLimit(matches, more) {
  const most = limit();
  const shown = matches.filter((match) => match.distance <= most).length;
  [...$("grid").children].forEach((item, at) => (item.hidden = at >= shown));
  const text = most === Infinity ? "any" : `${most.toFixed(2)}, confidence ${least(most)} or more`;
  $("limit-said").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  const hidden = matches.length - shown;
  $("hidden-said").hidden = !hidden;
  $("hidden-said").textContent = hidden
    ? `${count(hidden, "face is", "faces are")} farther away than ${most.toFixed(2)}, and hidden.`
    : "";
  // What comes after a hidden match is farther still.
  $("more").hidden = !more || hidden > 0;
  return shown;
}

const least = (distance) => percent(CONFIDENCES[Math.round(100 * distance)]);

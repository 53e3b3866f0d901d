/** What stands where the grid would be: nothing yet, waiting, nothing found, or a problem. */

import { $, make, say } from "./dom.js";

const NO_FACE = [
  "Use a photo in which the face is clear, upright and not too small.",
  "Faces from the side, in the dark or behind sunglasses are found less often.",
];

/** `data-state` on the body is what the style sheet goes by. */
export function setState(state) {
  document.body.dataset.state = state;
  $("results").setAttribute("aria-busy", String(state === "loading"));
  if (state !== "note") $("note").hidden = true;
}

/** A note with a title; `again` makes a button that tries again. */
export function showNote(title, sentences, { again, small, kind = "empty" } = {}) {
  const note = $("note");
  note.className = kind;
  note.replaceChildren(...sentences.map((sentence) => make("p", {}, sentence)));
  if (again) {
    const button = make("button", { type: "button", class: "main" }, "Try again");
    button.onclick = again;
    note.append(button);
  }
  if (small) note.append(make("p", { class: "small" }, small));
  $("results-title").textContent = title;
  setState("note");
  note.hidden = false;
  say([title, ...sentences].join(". "));
}

/** Whatever went wrong, in the service's words. */
export function showProblem(problem, again) {
  if (problem.code === "no_face") {
    showNote("No face found", NO_FACE, { kind: "no-face" });
    return;
  }
  const { title = "This page has a fault", detail = String(problem), requestId } = problem;
  showNote(title, detail ? [capital(detail)] : [], {
    kind: "error",
    again: problem.passing ? again : undefined,
    small: requestId && `Request ${requestId}`,
  });
}

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

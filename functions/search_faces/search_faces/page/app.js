/** The page put together: what is shown, and how the address and the history follow it. */

import { call, forgetKey, hasKey } from "./api.js";
import { setUpCamera } from "./camera.js";
import { $, count, make, nameOf, percent, placeOf, say } from "./dom.js";
import { chooser, holds, loadHoldings } from "./holdings.js";
import { matchesOf } from "./matches.js";
import { focusFace, showFace, showNothing, showPhoto } from "./preview.js";
import { applyLimit, limit, setLimit, showMatches } from "./results.js";
import { setState, showNote, showProblem } from "./states.js";
import { setUpTaking } from "./taking.js";
import { pictureOf } from "./thumbnails.js";
import { setUpUploads } from "./uploads.js";

/** By the history entry's name: photos never leave this page's memory. */
const views = new Map();
let current = { kind: "home" };
let going = new AbortController();

// Views: {kind: "home"}, {kind: "photo", file, face} and {kind: "face", faceId}, the last two with
// what was answered: photo, faces, matches, next.

function viewOfAddress() {
  const asked = new URLSearchParams(location.search);
  setLimit(asked.get("max_distance"));
  const collection = asked.get("collection") ?? "";
  if (!asked.get("face")) return { kind: "home", collection };
  return { kind: "face", faceId: asked.get("face"), collection };
}

function addressOf(view) {
  const asked = new URLSearchParams();
  if (view.kind === "face") {
    asked.set("face", view.faceId);
    if (limit() < Infinity) asked.set("max_distance", limit());
    if (chooser.value) asked.set("collection", chooser.value);
  }
  return asked.size ? `?${asked}` : "./";
}

function go(view) {
  current.scrolled = scrollY;
  history.pushState({ entry: remember(view) }, "", addressOf(view));
  show(view);
}

/** Entries from before the page was loaded anew stay in the history: names are never used twice. */
function remember(view) {
  const entry = `${performance.timeOrigin} ${views.size}`;
  views.set(entry, view);
  return entry;
}

function show(view) {
  going.abort();
  going = new AbortController();
  current = view;
  const known = view.matches && view.answeredIn === chooser.value;
  showQuery(view);
  if (view.kind === "home") showHome();
  else if (known) showAnswer(view, view.scrolled ?? 0);
  else run(view);
}

/** Ask for the view's matches, and show them. */
async function run(view, { focus = true } = {}) {
  going.abort();
  going = new AbortController();
  const { signal } = going;
  setState("loading");
  $("results-title").textContent = "Searching…";
  say("Searching");
  Object.assign(view, { matches: null, next: null });
  try {
    const answer = await matchesOf(view, 0, signal, () => showQuery(view));
    if (signal.aborted) return;
    const [result] = answer.results;
    if (view.kind === "photo") Object.assign(view, { photo: answer.photo, faces: answer.faces });
    view.matches = result.matches;
    view.next = result.next;
    view.answeredIn = chooser.value;
    showAnswer(view, null, focus);
    if (view.kind === "face") describe(view, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (view.kind === "photo") showQuery(view);
    showProblem(error, () => run(view));
    if (focus) $("results-title").focus({ preventScroll: true });
  }
}

/** The face that a shared address names: its picture, and the photo it is in. */
async function describe(view, signal) {
  const path = `v1/faces/${encodeURIComponent(view.faceId)}`;
  view.stored ??= await call(path, { signal }).catch(() => null);
  view.url ??= await pictureOf(view.faceId);
  if (current === view) showQuery(view);
}

function showQuery(view) {
  document.title = view.stored ? `Like ${nameOf(view.stored.photo_id).name} – facesearch` : "facesearch";
  if (view.kind === "home") showNothing();
  else if (view.kind === "photo") {
    const { faces, face, photo, prepared, file } = view;
    const name = file.name;
    showPhoto({ name, prepared, photo, faces, chosen: face ?? 0 }, (index) => chooseFace(view, index));
  } else {
    const { stored, url } = view;
    const about = stored ? Object.entries(stored.metadata).map(([key, text]) => `${key}: ${text}`) : [];
    const details = make("span", {}, stored ? [placeOf(stored), ...about].filter(Boolean).join(" · ") : "");
    showFace({ url, name: stored && nameOf(stored.photo_id).name, details });
  }
  $("query-title").textContent = {
    home: "Who else looks like this?", photo: "Your photo", face: "The chosen face",
  }[view.kind];
}

async function chooseFace(view, index) {
  view.face = index;
  showQuery(view);
  focusFace(index);
  await run(view, { focus: false });
  focusFace(index);
}

function showHome() {
  setState("home");
  $("results-title").textContent = "Results";
  $("grid").replaceChildren();
  $("tools").hidden = $("more").hidden = $("hidden-said").hidden = true;
}

/** The answer as a grid; `scroll` to where the reader was, or to its beginning (null). */
function showAnswer(view, scroll, focus = true) {
  const { matches } = view;
  if (view.kind === "photo") showQuery(view);
  $("tools").hidden = !matches.length;
  showMatches(matches, 0, linkTo);
  if (!matches.length) {
    $("more").hidden = $("hidden-said").hidden = true;
    showNothingFound();
  } else {
    setState("results");
    tell(view);
  }
  performance.mark("rendered");
  const title = $("results-title");
  if (focus) title.focus({ preventScroll: true });
  if (scroll !== null) scrollTo(0, scroll);
  else if (focus && title.getBoundingClientRect().top > innerHeight / 2) title.scrollIntoView();
  requestAnimationFrame(() => setTimeout(() => performance.mark("painted")));
}

/** How many there are, how near, and what the slider hides. */
function tell(view) {
  const { matches, next } = view;
  const shown = applyLimit(matches, next !== null);
  const title = shown
    ? `${count(shown, "nearest face", "nearest faces")}`
    : "No face is that near";
  $("results-title").textContent = title;
  const { name } = nameOf(matches[0].photo_id);
  say(shown ? `${title}. The nearest: ${name}, confidence ${percent(matches[0].confidence)}` : title);
}

function showNothingFound() {
  if (holds?.faces === 0) {
    showNote("There are no photos yet", ["Nothing has been indexed: add photos first, then search."]);
  } else if (chooser.value) {
    showNote("Nothing here", [`The collection “${chooser.value}” holds no face to compare with.`]);
  } else showNote("Nothing found", ["There is no other face to compare with."]);
}

const linkTo = (match) => addressOf({ kind: "face", faceId: match.face_id });

async function showMore() {
  const view = current;
  $("more").disabled = true;
  try {
    const { results } = await matchesOf(view, view.next, going.signal);
    const start = view.matches.length;
    view.matches.push(...results[0].matches);
    view.next = results[0].next;
    showMatches(view.matches, start, linkTo);
    tell(view);
    $("grid").children[start]?.querySelector("a").focus({ preventScroll: true });
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error, () => show(view));
  } finally {
    $("more").disabled = false;
  }
}

function searchWith(file) {
  if (!file) return;
  performance.clearMarks();
  performance.mark("taken");
  // Dialogs would cover the results.
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  go({ kind: "photo", file, face: 0 });
}

const plain = (event) => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
$("grid").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || !plain(event)) return;
  event.preventDefault();
  const faceId = link.dataset.face;
  const stored = current.matches.find((match) => match.face_id === faceId);
  go({ kind: "face", faceId, stored, url: link.querySelector("img").src || undefined });
});
// A jump within the page would be another entry of the history.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("results-title").focus();
});
$("home").addEventListener("click", (event) => {
  if (!plain(event)) return;
  event.preventDefault();
  go({ kind: "home" });
  $("choose").focus();
});
$("limit").addEventListener("input", () => current.matches?.length && tell(current));
$("limit").addEventListener("change", () => {
  history.replaceState(history.state, "", addressOf(current));
  document.querySelectorAll("#grid a").forEach((link) => {
    link.href = addressOf({ kind: "face", faceId: link.dataset.face });
  });
});
chooser.addEventListener("change", () => {
  history.replaceState(history.state, "", addressOf(current));
  if (current.kind !== "home") run(current, { focus: false });
});
$("more").addEventListener("click", showMore);
$("forget-key").addEventListener("click", () => {
  forgetKey();
  say("The key is forgotten");
});
addEventListener("keygiven", loadHoldings);
addEventListener("online", () => document.body.dataset.state === "note" && show(current));
addEventListener("popstate", ({ state }) => {
  current.scrolled = scrollY;
  const view = views.get(state?.entry) ?? viewOfAddress();
  history.replaceState(state, "", addressOf(view));
  show(view);
});

async function start() {
  $("forget-key").hidden = !hasKey();
  const view = viewOfAddress();
  const wanted = view.collection;
  if (wanted) {
    // Known to be right or not only when the collections are: until then, take it at its word.
    chooser.append(make("option", { value: wanted }, wanted));
    chooser.value = wanted;
  }
  history.replaceState({ entry: remember(view) }, "");
  history.scrollRestoration = "manual";
  show(view);
  setUpTaking(searchWith);
  setUpCamera(searchWith);
  setUpUploads(false, () => {});
  loadHoldings();
  const version = await call("v1/version", { ask: false }).catch(() => null);
  setUpUploads(Boolean(version?.search.uploads), loadHoldings);
}

start();

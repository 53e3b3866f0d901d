/** The page put together: what is shown, and how the address and the history follow it. */

import { call, forgetKey, hasKey } from "./api.js";
import { setUpCamera } from "./camera.js";
import { setUpCompare } from "./compare.js";
import { $, count, either, make, nameOf, nameRegions, placeOf, say, worded } from "./dom.js";
import { readFilters, scopeKey, setUpFilters, writeFilters } from "./filters.js";
import { chooser, holds, loadHoldings } from "./holdings.js";
import { forgetPhoto, keepPhotos, keptPhotos } from "./kept.js";
import { matchesOf } from "./matches.js";
import { allowHiding, closePhoto, setUpPhotoView, showStoredPhoto } from "./photoview.js";
import { focusFace, showFace, showNothing, showPerson, showPhoto } from "./preview.js";
import { VERDICTS, applyLimit, collapsed, limitsSentence, showMatches } from "./results.js";
import { setState, showNote, showProblem } from "./states.js";
import { setUpTaking } from "./taking.js";
import { pictureOf } from "./thumbnails.js";
import { setUpUploads } from "./uploads.js";

/** By the history entry's name: photos never leave this page's memory. */
const views = new Map();
const MOST_PHOTOS = 10;
let current = { kind: "home" };
let going = new AbortController();

// Views: {kind: "home"}, {kind: "photo", file, face}, {kind: "person", photos: [{file}]} and
// {kind: "face", faceId}, with what was answered: photo, faces, matches, limits, next.

function viewOfAddress() {
  const asked = new URLSearchParams(location.search);
  readFilters(asked);
  const collection = asked.get("collection") ?? "";
  if (!asked.get("face")) return { kind: "home", collection };
  return { kind: "face", faceId: asked.get("face"), collection };
}

/** `open`: the face whose photo is shown over the results. */
function addressOf(view, open) {
  const asked = new URLSearchParams();
  if (view.kind === "face") asked.set("face", view.faceId);
  if (open) asked.set("photo", open);
  if (view.kind !== "home") writeFilters(asked);
  return asked.size ? `?${asked}` : "./";
}

function go(view, how = "pushState") {
  current.scrolled = scrollY;
  history[how]({ entry: remember(view) }, "", addressOf(view));
  show(view);
}

/** The view of a history entry: remembered, kept over a reload, or as the address tells. */
function viewOf(entry) {
  if (views.has(entry)) return views.get(entry);
  const told = viewOfAddress();
  const kept = entry && told.kind === "home" ? keptPhotos(entry) : null;
  const view = kept ? viewOfFiles(kept.files, kept.face) : told;
  if (entry) views.set(entry, view);
  return view;
}

/** One photo, or several of one person. */
function viewOfFiles(files, face = 0) {
  if (files.length === 1) return { kind: "photo", file: files[0], face };
  const photos = files.slice(0, MOST_PHOTOS).map((file) => ({ file }));
  return { kind: "person", photos, left: files.length - photos.length };
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
  const known = view.matches && view.answeredFor === scopeKey();
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
  const asked = scopeKey();
  try {
    const answer = await matchesOf(view, 0, signal, () => showQuery(view));
    if (signal.aborted) return;
    const [result] = answer.results;
    if (view.kind === "photo") Object.assign(view, { photo: answer.photo, faces: answer.faces });
    view.matches = result.matches;
    view.next = result.next;
    view.limits = answer.limits;
    view.answeredFor = asked;
    showAnswer(view, null, focus);
    if (view.kind !== "face") keepPhotos(view.photos ?? [view], view.face, history.state?.entry);
    if (view.kind === "face") describe(view, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (view.kind !== "face") showQuery(view);
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
  document.body.dataset.kind = view.kind;
  document.title = view.stored ? `Like ${nameOf(view.stored.photo_id).name} – facesearch` : "facesearch";
  if (view.kind === "home") showNothing();
  else if (view.kind === "person") showPerson(view.photos, view.left);
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
    home: either("Find the photos of a person", "Find pictures like yours"), photo: "Your photo", person: "Your photos", face: worded("The chosen face"),
  }[view.kind];
}

async function chooseFace(view, index) {
  Object.assign(view, { face: index, unfolded: false });
  showQuery(view);
  focusFace(index);
  await run(view, { focus: false });
  focusFace(index);
}

function showHome() {
  setState("home");
  $("results-title").textContent = "Results";
  $("grid").replaceChildren();
  $("more").hidden = $("hidden-said").hidden = true;
  $("limits-said").textContent = "";
}

/** The answer as a grid; `scroll` to where the reader was, or to its beginning (null). */
function showAnswer(view, scroll, focus = true) {
  const { matches } = view;
  if (view.kind === "photo") showQuery(view);
  showMatches(matches, linkTo, view.unfolded);
  $("limits-said").textContent = matches.length ? limitsSentence(view.limits) : "";
  if (!matches.length) {
    $("more").hidden = $("hidden-said").hidden = true;
    showNothingFound();
    // The photos may have gone since the page was opened.
    loadHoldings().then(() => view === current && holds?.faces === 0 && showNothingFound());
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

/** How many there are of each verdict, and what the threshold hides. */
function tell(view) {
  const { matches, next } = view;
  const shown = applyLimit(next !== null);
  const title = shown ? titleOf(next !== null) : worded("No face within the threshold");
  $("results-title").textContent = title;
  const [{ name }, verdict] = [nameOf(matches[0].photo_id), VERDICTS[matches[0].verdict]?.one];
  say(shown ? `${title}. The nearest: ${name}${verdict ? `, ${verdict.toLowerCase()}` : ""}` : title);
}

/** `more`: there are matches that were not asked for yet. */
function titleOf(more) {
  const many = (verdict) => $("grid").querySelectorAll(`.${verdict} > li:not([hidden])`).length;
  const [likely, possible] = [many("very_likely"), many("possible")];
  const all = $("grid").querySelectorAll("li").length;
  if (likely) {
    const open = more && likely === all ? "At least " : "";
    return `${open}${count(likely, "photo", "photos")} very likely of the same person`;
  }
  if (possible) return count(possible, "possible match", "possible matches");
  const unknown = many("unknown");
  return unknown ? count(unknown, "nearest face", "nearest faces") : "Only look-alikes";
}

function showNothingFound() {
  if (holds?.faces === 0) {
    showNote("There are no photos yet", ["Nothing has been indexed: add photos first, then search."]);
  } else if (chooser.value) {
    showNote("Nothing here", [`The collection “${chooser.value}” holds no face to compare with.`].map(worded));
  } else showNote("Nothing found", [worded("There is no other face to compare with.")]);
}

const linkTo = (match) => addressOf(current, match.face_id);

function openPhotoOf(faceId) {
  const matches = current.matches ?? [];
  const card = collapsed(matches).find(({ match }) => match.face_id === faceId);
  const shown = shownFaces();
  const at = shown.indexOf(faceId);
  showStoredPhoto(faceId, {
    stored: card?.match,
    others: card?.copies.map(({ photo_id }) => photo_id),
    before: at > 0,
    after: at >= 0 && at < shown.length - 1,
    place: at >= 0 && shown.length > 1 ? `${at + 1} of ${shown.length}` : "",
  });
}

/** The faces of the cards that can be seen, in their order. */
const shownFaces = () =>
  [...$("grid").querySelectorAll("a")].filter((link) => link.checkVisibility()).map((link) => link.dataset.face);

/** Go on to the match after the one whose photo is open, or back to the one before. */
function stepPhoto(by) {
  const shown = shownFaces();
  const open = shown[shown.indexOf(history.state?.open) + by];
  if (!open || !shown.includes(history.state.open)) return;
  history.replaceState({ ...history.state, open }, "", addressOf(current, open));
  openPhotoOf(open);
}

async function showMore() {
  const view = current;
  $("more").disabled = true;
  try {
    const { results } = await matchesOf(view, view.next, going.signal);
    const start = $("grid").querySelectorAll("li").length;
    view.matches.push(...results[0].matches);
    view.next = results[0].next;
    showMatches(view.matches, linkTo, view.unfolded);
    const first = $("grid").querySelectorAll("li")[start];
    const fold = first?.closest("details");
    if (fold) fold.open = true;
    tell(view);
    first?.querySelector("a").focus({ preventScroll: true });
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error, () => show(view));
  } finally {
    $("more").disabled = false;
  }
}

function searchWith(files) {
  if (!files.length) return;
  performance.clearMarks();
  performance.mark("taken");
  // Dialogs would cover the results.
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  go(viewOfFiles([...files]));
}

/** More photos of whom the view shows; at most ten, as the service takes. */
function addToPerson(files) {
  if (!files.length) return;
  const before = current.kind === "person" ? current.photos : [current];
  const all = [...before, ...[...files].map((file) => ({ file }))];
  const photos = all.slice(0, MOST_PHOTOS);
  go({ kind: "person", photos, left: all.length - photos.length });
}

const plain = (event) => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
$("grid").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || !plain(event)) return;
  event.preventDefault();
  const open = link.dataset.face;
  history.pushState({ ...history.state, open }, "", addressOf(current, open));
  openPhotoOf(open);
});
// It does not bubble.
$("grid").addEventListener("toggle", ({ target }) => (current.unfolded = target.open), true);
// A jump within the page would be another entry of the history.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("results-title").focus();
});
$("home").addEventListener("click", (event) => {
  if (!plain(event)) return;
  event.preventDefault();
  forgetPhoto();
  go({ kind: "home" });
  $("choose").focus();
});
function filtered(anew) {
  if (current.kind === "home") return;
  history.replaceState(history.state, "", addressOf(current));
  if (anew) run(current, { focus: false });
  else document.querySelectorAll("#grid a").forEach((link) => (link.href = addressOf(current, link.dataset.face)));
}
$("another").addEventListener("change", ({ target }) => {
  addToPerson([...target.files]);
  target.value = "";
});
$("more").addEventListener("click", showMore);
$("forget-key").addEventListener("click", () => {
  forgetKey();
  say("The key is forgotten");
});
addEventListener("keygiven", loadHoldings);
addEventListener("online", () => document.body.dataset.state === "note" && show(current));
addEventListener("popstate", ({ state }) => {
  const view = viewOf(state?.entry);
  if (view !== current) {
    current.scrolled = scrollY;
    history.replaceState(state, "", addressOf(view, state?.open));
    show(view);
  }
  if (state?.open) openPhotoOf(state.open);
  else closePhoto();
});

/** Closing the photo is going back; where the address led to it, nothing is behind. */
function photoClosed() {
  // A face was hidden, or shown again.
  if (current.matches && current.answeredFor === null) run(current, { focus: false });
  const { state } = history;
  if (!state?.open) return;
  // Not where the dialog was opened from, but where it has been led to.
  $("grid").querySelector(`a[data-face="${CSS.escape(state.open)}"]`)?.focus();
  if (!state.direct) history.back();
  else history.replaceState({ entry: state.entry }, "", addressOf(current));
}

async function start() {
  $("forget-key").hidden = !hasKey();
  const open = new URLSearchParams(location.search).get("photo");
  const view = viewOf(history.state?.entry);
  const wanted = view.collection ?? new URLSearchParams(location.search).get("collection");
  if (wanted) {
    // Known to be right or not only when the collections are: until then, take it at its word.
    chooser.append(make("option", { value: wanted }, wanted));
    chooser.value = wanted;
  }
  const entry = history.state?.entry ?? remember(view);
  history.replaceState({ entry, ...(open && { open, direct: true }) }, "");
  history.scrollRestoration = "manual";
  show(view);
  nameRegions();
  setUpFilters(filtered, () => current.matches?.length && tell(current));
  setUpPhotoView({
    linkOf: (faceId) => addressOf({ kind: "face", faceId }),
    go: (faceId, stored) => go({ kind: "face", faceId, stored }, "replaceState"),
    step: stepPhoto,
    closed: photoClosed,
    decided: () => {
      for (const each of views.values()) each.answeredFor = null;
    },
  });
  setUpCompare();
  if (open) openPhotoOf(open);
  setUpTaking(searchWith);
  setUpCamera((file) => searchWith([file]));
  setUpUploads(false, () => {});
  loadHoldings();
  const version = await call("v1/version", { ask: false }).catch(() => null);
  const adds = Boolean(version?.search.uploads);
  setUpUploads(adds, loadHoldings);
  if (adds) allowHiding();
  $("empty-how").textContent = adds
    ? either("Press “Add photos” above: their faces can be found a moment later.", "Press “Add photos” above: they can be found a moment later.")
    : "Whoever runs this service adds them, on their own machine by: facesearch index FOLDER";
}

start();

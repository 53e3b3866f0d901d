/** New photos: each is sent with progress, then watched until it can be found. */

import { Problem, address, call } from "./api.js";
import { $, count, either, make, say } from "./dom.js";

const AT_ONCE = 3;
const LONGEST_WAIT_MS = 10 * 60_000;
const dialog = $("uploads-dialog");
const queue = [];
let running = 0;
let done = () => {};

/** Wire the dialog; `on`: whether the service takes photos; `then` is called for each new one. */
export function setUpUploads(on, then) {
  done = then;
  $("uploads-on").hidden = !on;
  $("uploads-off").hidden = on;
  $("open-uploads").onclick = () => dialog.showModal();
  $("close-uploads").onclick = () => dialog.close();
  $("upload-files").onchange = ({ target }) => {
    upload(target.files);
    target.value = "";
  };
}

/** Add the files if that is what the visitor is about: whether it is. */
export function upload(files) {
  if (!dialog.open || $("uploads-on").hidden) return false;
  for (const file of files) queue.push(row(file));
  next();
  return true;
}

function row(file) {
  const progress = make("progress", { max: "1", value: "0", "aria-label": `Sending ${file.name}` });
  const state = make("span", { class: "state" }, "waiting");
  const collection = $("upload-collection").value.trim();
  const item = make("li", {}, make("strong", {}, file.name), progress, state);
  $("uploads").append(item);
  const show = (text, kind) => {
    state.textContent = text;
    item.className = kind;
    progress.hidden = kind !== "sending";
    if (kind !== "sending") say(`${file.name}: ${text}`);
  };
  return { file, collection, show, progress };
}

function next() {
  while (running < AT_ONCE && queue.length) {
    const one = queue.shift();
    running += 1;
    add(one)
      .then(() => done(), (error) => one.show(sentence(error), "failed"))
      .finally(() => {
        running -= 1;
        next();
      });
  }
}

async function add({ file, collection, show, progress }) {
  show("sending", "sending");
  const form = await call("v1/uploads", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      filename: file.name,
      content_type: file.type || "application/octet-stream",
      size: file.size,
      ...(collection && { collection }),
    }),
  });
  await send(form, file, (share) => {
    progress.value = share;
    show(`sending, ${Math.round(100 * share)}%`, "sending");
  });
  show(either("stored; its faces are being looked for", "stored; it is being looked at"), "indexing");
  const { faces, problem } = await indexed(form.photo_id);
  if (problem) {
    show(`cannot be found: ${problem.replaceAll("_", " ")}`, "failed");
    return;
  }
  const found = faces.length;
  if (found) show(either(`can be found now, by ${count(found, "face", "faces")}`, "can be found now"), "done");
  else show("stored, but no face was found in it", "failed");
}

/** Past `fetch`, which cannot tell how much was sent. */
function send({ url, fields }, file, progressed) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(url));
    request.upload.onprogress = ({ loaded, total }) => progressed(total ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 300) resolve();
      else reject(new Problem({ title: "The photo was refused", ...told(request) }));
    };
    request.onerror = () =>
      reject(new Problem({ title: "The photo could not be sent", detail: "Try again." }));
    request.send(form);
  });
}

function told({ responseText, status }) {
  try {
    return JSON.parse(responseText);
  } catch {
    return { detail: `The storage answered with error ${status}.` };
  }
}

/** The photo as it is listed, once it is. */
async function indexed(photoId) {
  const start = Date.now();
  for (let pause = 300; Date.now() - start < LONGEST_WAIT_MS; pause = Math.min(5000, pause * 1.5)) {
    const photo = await listed(photoId);
    if (photo) return photo;
    await new Promise((resume) => setTimeout(resume, pause));
  }
  throw new Problem({ title: "It is stored, but still not indexed", detail: "Look again later." });
}

async function listed(photoId) {
  try {
    const { photos } = await call("v1/photos", { query: { prefix: photoId, limit: 1 } });
    return photos.find(({ photo_id }) => photo_id === photoId);
  } catch (error) {
    // The photo is safe: it is asked for again.
    if (error.passing) return undefined;
    throw error;
  }
}

const sentence = ({ message, title, detail }) => [title ?? message, detail].filter(Boolean).join(": ");

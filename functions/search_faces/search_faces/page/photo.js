/** From a dropped file to what is sent: resized in a worker, away from the page's own work. */

import { Problem, unreachable } from "./api.js";

/** Lambda's 6 MB of an event, less what base64 adds. */
const MOST_BYTES = 4_400_000;
const waiting = new Map();
let last = 0;
let worker = startWorker();

function startWorker() {
  const started = new Worker(new URL("resize.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { number, ...made } }) => {
    waiting.get(number).resolve(made);
    waiting.delete(number);
  };
  // Its script could not be fetched: this worker will never answer, and the next photo needs another.
  started.onerror = () => {
    worker = null;
    waiting.forEach(({ reject }) => reject(unreachable()));
    waiting.clear();
  };
  return started;
}

/** `{blob, url, width, height}`; without url and sizes where only the service can read it. */
export async function prepare(file) {
  if (file.type && !file.type.startsWith("image/")) {
    throw new Problem({
      title: "That is not a photo",
      detail: `“${file.name}” is of the type ${file.type}. Choose a JPEG, PNG, WebP or HEIC.`,
    });
  }
  const made = await new Promise((resolve, reject) => {
    worker ??= startWorker();
    waiting.set((last += 1), { resolve, reject });
    worker.postMessage({ number: last, file });
  });
  if (!made.failed) return { ...made, url: URL.createObjectURL(made.blob) };
  await file.slice(0, 1).arrayBuffer().catch(() => {
    throw new Problem({
      title: "The file cannot be read",
      detail: `“${file.name}” is a folder, or was moved or changed since it was chosen.`,
    });
  });
  // The service reads more formats than browsers do, and says best what is wrong with a file.
  if (file.size <= MOST_BYTES) return { blob: file };
  throw new Problem({
    title: "This browser cannot read the photo",
    detail: `It is too large to send as it is (${Math.round(file.size / 1e6)} MB). Save it as JPEG.`,
  });
}

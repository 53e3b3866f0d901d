/** From a dropped file to what is sent: resized in a worker, away from the page's own work. */

import { Problem } from "./api.js";

/** Lambda's 6 MB of an event, less what base64 adds. */
const MOST_BYTES = 4_400_000;
const worker = new Worker(new URL("resize.js", import.meta.url), { type: "module" });
const waiting = new Map();
let last = 0;

worker.onmessage = ({ data: { number, ...made } }) => {
  waiting.get(number)?.(made);
  waiting.delete(number);
};
worker.onerror = () => {
  waiting.forEach((done) => done({ failed: "the worker stopped" }));
  waiting.clear();
};

/** `{blob, url, width, height}`; without url and sizes where only the service can read it. */
export async function prepare(file) {
  if (file.type && !file.type.startsWith("image/")) {
    throw new Problem({
      title: "That is not a photo",
      detail: `“${file.name}” is of the type ${file.type}. Choose a JPEG, PNG, WebP or HEIC.`,
    });
  }
  const made = await new Promise((resolve) => {
    waiting.set((last += 1), resolve);
    worker.postMessage({ number: last, file });
  });
  if (!made.failed) return { ...made, url: URL.createObjectURL(made.blob) };
  // The service reads more formats than browsers do, and says best what is wrong with a file.
  if (file.size <= MOST_BYTES) return { blob: file };
  throw new Problem({
    title: "This browser cannot read the photo",
    detail: `It is too large to send as it is (${Math.round(file.size / 1e6)} MB). Save it as JPEG.`,
  });
}

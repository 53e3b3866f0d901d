/** Requests to the service: relative to this file, so that any path in front of it works. */

import { $ } from "./dom.js";

const BASE = new URL("..", import.meta.url);
const KEY = "facesearch.key";

/** What went wrong, as the service tells it (RFC 9457), or as near to that as is known. */
export class Problem extends Error {
  constructor({ status = 0, code = "", title, detail = "", request_id = "" }) {
    super(title);
    Object.assign(this, { status, code, title, detail, requestId: request_id });
  }

  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const hasKey = () => Boolean(sessionStorage.getItem(KEY));

export function forgetKey() {
  sessionStorage.removeItem(KEY);
  $("forget-key").hidden = true;
}

export const address = (path) => new URL(path, BASE).href;

/** The answer to a request. `ask`: false for what the page does by itself, which asks for no key. */
export async function call(path, { query = {}, ask = true, as = "json", ...options } = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value != null && value !== "") url.searchParams.set(name, value);
  }
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const answer = await reach(url, {
      ...options,
      headers: { ...options.headers, ...(key && { "X-Api-Key": key }) },
    });
    if (answer.ok) return answer[as]();
    if (![401, 403].includes(answer.status) || !ask) throw await problemOf(answer);
    // Another request may have been given a key in the meantime.
    if (key === sessionStorage.getItem(KEY) && !(await askForKey(Boolean(key)))) {
      throw await problemOf(answer);
    }
  }
}

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

/** The problem when nothing answers. */
export const unreachable = () => new Problem(navigator.onLine ? {
  title: "The service does not answer",
  detail: "It may be down or restarting, or something between it and you is. Try again.",
} : {
  title: "You are offline",
  detail: "This device has no network. The search goes on when it is back.",
});

async function problemOf(answer) {
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // Something on the way answered in the service's place.
  }
  return new Problem({
    title: `The service answered with error ${answer.status}`,
    request_id: answer.headers.get("X-Request-Id") ?? "",
    ...told,
    status: answer.status,
  });
}

let asking = null;

/** Whether a key was given; `wrong`: the one in use was refused. */
function askForKey(wrong) {
  asking ??= new Promise((resolve) => {
    const dialog = $("key-dialog");
    const field = $("key");
    field.value = "";
    dialog.returnValue = "";
    $("key-wrong").hidden = !wrong;
    dialog.addEventListener("close", () => {
      asking = null;
      const given = dialog.returnValue === "use" && field.value.trim();
      field.value = "";
      if (given) sessionStorage.setItem(KEY, given);
      $("forget-key").hidden = !hasKey();
      if (given) window.dispatchEvent(new Event("keygiven"));
      resolve(Boolean(given));
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

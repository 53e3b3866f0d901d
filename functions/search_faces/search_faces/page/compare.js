/** Two photos side by side: whether they show one person. */

import { call } from "./api.js";
import { $ } from "./dom.js";
import { prepare } from "./photo.js";
import { VERDICTS } from "./results.js";

const sides = { one: null, other: null };

export function setUpCompare() {
  const dialog = $("compare-dialog");
  $("open-compare").onclick = () => dialog.showModal();
  $("close-compare").onclick = () => dialog.close();
  for (const name of Object.keys(sides)) {
    $(name).addEventListener("change", ({ target }) => {
      if (target.files[0]) takeSide(name, target.files[0]);
      target.value = "";
    });
  }
}

/** Photos that are dropped while the dialog is open are for it: whether it is. */
export function compareDropped(files) {
  if (!$("compare-dialog").open) return false;
  const free = Object.keys(sides).filter((name) => !sides[name]);
  [...files].slice(0, 2).forEach((file, at) => takeSide(free[at] ?? ["other", "one"][at], file));
  return true;
}

async function takeSide(name, file) {
  const side = $(`side-${name}`);
  tellPair("", "");
  try {
    sides[name] = await prepare(file);
    const image = side.querySelector("img");
    image.hidden = !sides[name].url;
    image.src = sides[name].url ?? "";
    side.querySelector("span").textContent = file.name;
    if (sides.one && sides.other) await comparePair();
  } catch (error) {
    tellPair("", [error.title, error.detail].filter(Boolean).join(". "));
  }
}

async function comparePair() {
  tellPair("", "Comparing…");
  const body = new FormData();
  for (const [name, { blob }] of Object.entries(sides)) body.append(name, blob, `${name}.jpg`);
  const { verdict, distance } = await call("v1/compare", { method: "POST", body });
  tellPair(verdict ?? "", `${VERDICTS[verdict ?? "unknown"].one}, at a distance of ${distance.toFixed(2)}`);
}

function tellPair(verdict, text) {
  $("compared").className = verdict;
  $("compared").textContent = text;
}

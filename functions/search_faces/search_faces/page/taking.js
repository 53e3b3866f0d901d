/** The ways a photo gets in: dropped anywhere, pasted, chosen, or taken with a phone's camera. */

import { compareDropped } from "./compare.js";
import { $ } from "./dom.js";
import { upload } from "./uploads.js";

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

/** Call `search` with the photos; those that come while another dialog is open are for that. */
export function setUpTaking(search) {
  const take = (files) => upload(files) || compareDropped(files) || search(files);
  addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove("over");
    take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    if (files.length) take(files);
  });
  for (const id of ["choose", "capture"]) {
    $(id).addEventListener("change", ({ target }) => {
      search([...target.files]);
      target.value = "";
    });
  }
}

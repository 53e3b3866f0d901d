/** The ways a photo gets in: dropped anywhere, pasted, chosen, or taken with a phone's camera. */

import { compareDropped } from "./compare.js";
import { $ } from "./dom.js";
import { upload } from "./uploads.js";

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

/** Call `search` with each photo; those that are dropped on the dialog of uploads are not for it. */
export function setUpTaking(search) {
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
    const { files } = event.dataTransfer;
    if (!upload(files) && !compareDropped(files)) search(files[0]);
  });
  addEventListener("paste", (event) => search(event.clipboardData.files[0]));
  for (const id of ["choose", "capture"]) {
    $(id).addEventListener("change", ({ target }) => {
      search(target.files[0]);
      target.value = "";
    });
  }
}

/** A photo from the camera: the phone's own app where there is one, else the browser's picture. */

import { $ } from "./dom.js";

const cameraDialog = $("camera-dialog");
const video = $("camera");

/** Offer what this device can do; `take` is called with the photo as a file. */
export async function setUpCamera(take) {
  const phone = matchMedia("(pointer: coarse)").matches;
  $("capture-label").hidden = !phone;
  if (phone || !navigator.mediaDevices) return;
  const devices = await navigator.mediaDevices.enumerateDevices();
  if (!devices.some(({ kind }) => kind === "videoinput")) return;
  $("open-camera").hidden = false;
  $("open-camera").onclick = open;
  $("close-camera").onclick = () => cameraDialog.close();
  $("shoot").onclick = () => shoot(take);
  cameraDialog.onclose = () => video.srcObject?.getTracks().forEach((track) => track.stop());
}

async function open() {
  $("camera-wrong").hidden = true;
  $("shoot").disabled = true;
  cameraDialog.showModal();
  try {
    const wish = { facingMode: "user", width: { ideal: 1280 } };
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wish });
    await video.play();
    $("shoot").disabled = false;
  } catch (error) {
    $("camera-wrong").hidden = false;
    $("camera-wrong").textContent =
      error.name === "NotAllowedError"
        ? "The browser does not let this page use the camera: allow it in the address bar."
        : "The camera does not answer: another program may be using it.";
  }
}

function shoot(take) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob(
    (blob) => {
      cameraDialog.close();
      take(new File([blob], "camera.jpg", { type: "image/jpeg" }));
    },
    "image/jpeg",
    0.9,
  );
}

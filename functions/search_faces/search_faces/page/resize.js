/** The worker that makes photos small enough to send: at most 1280 px, upright, JPEG. */

import { readHead } from "./jpeg.js";

const MOST = 1280;
/** A decoder's scale that gives at least this is enough; finer ones take longer. */
const ENOUGH = 960;
const QUALITY = 0.85;
/** Upright JPEGs within MOST and this many bytes are sent as they are. */
const SMALL_BYTES = 400_000;

/** Canvas transforms by EXIF orientation: a, b, c, d, and whether to move by width, height. */
const TURNS = {
  2: [-1, 0, 0, 1, 1, 0],
  3: [-1, 0, 0, -1, 1, 1],
  4: [1, 0, 0, -1, 0, 1],
  5: [0, 1, 1, 0, 0, 0],
  6: [0, 1, -1, 0, 1, 0],
  7: [0, -1, -1, 0, 1, 1],
  8: [0, -1, 1, 0, 0, 1],
};

/** `{blob, width, height}`; rejects what this browser cannot decode. */
async function shrink(file) {
  const data = await file.arrayBuffer();
  const head = readHead(data);
  if (head && head.orientation === 1 && data.byteLength <= SMALL_BYTES) {
    const { width, height } = head;
    const blob = new Blob([data], { type: "image/jpeg" });
    if (Math.max(width, height) <= MOST) return { blob, width, height };
  }
  if (head && self.ImageDecoder) {
    try {
      return await drawn(await decodedSmall(data, head), head.orientation);
    } catch {
      // The other way may be more forgiving.
    }
  }
  return drawn(await createImageBitmap(file), 1);
}

/** JPEGs can be decoded at eighths of their size: most of the work is then not done at all. */
async function decodedSmall(data, { width, height }) {
  const side = Math.max(width, height);
  const eighths = Math.min(8, Math.max(1, Math.ceil((8 * Math.min(ENOUGH, side)) / side)));
  const decoder = new ImageDecoder({
    data,
    type: "image/jpeg",
    desiredWidth: Math.ceil((width * eighths) / 8),
    desiredHeight: Math.ceil((height * eighths) / 8),
    preferAnimation: false,
  });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

async function drawn(picture, orientation) {
  // Some browsers turn frames themselves, and say so.
  const turn = picture.rotation || picture.flip ? undefined : TURNS[orientation];
  const across = picture.displayWidth ?? picture.width;
  const down = picture.displayHeight ?? picture.height;
  const scale = Math.min(1, MOST / Math.max(across, down));
  const w = Math.max(1, Math.round(across * scale));
  const h = Math.max(1, Math.round(down * scale));
  const [width, height] = orientation > 4 && turn ? [h, w] : [w, h];
  const canvas = new OffscreenCanvas(width, height);
  // Read back at once: a copy in the graphics card's memory would only cost time.
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  if (turn) context.setTransform(...turn.slice(0, 4), turn[4] * width, turn[5] * height);
  context.imageSmoothingQuality = "medium";
  context.drawImage(picture, 0, 0, w, h);
  picture.close();
  return { blob: await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY }), width, height };
}

self.onmessage = async ({ data: { number, file } }) => {
  try {
    self.postMessage({ number, ...(await shrink(file)) });
  } catch (error) {
    self.postMessage({ number, failed: String(error) });
  }
};

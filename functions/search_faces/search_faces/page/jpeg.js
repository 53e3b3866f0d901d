/** What is needed of a JPEG before it is decoded: its size, and how it has to be turned. */

/** `{width, height, orientation}` (pixels as stored; EXIF's 1 to 8), or null if it is no JPEG. */
export function readHead(buffer) {
  const view = new DataView(buffer);
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  let orientation = 1;
  for (let at = 2; at + 9 < view.byteLength; ) {
    const marker = view.getUint16(at);
    if (marker < 0xff01) return null;
    if (marker === 0xffff) {
      at += 1; // a fill byte
      continue;
    }
    if (marker === 0xffe1) orientation = exifOrientation(view, at + 4) ?? orientation;
    // SOF0 to SOF15 without DHT, JPG and DAC, which lie among them.
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), orientation };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

function exifOrientation(view, start) {
  const tiff = start + 6;
  if (tiff + 8 > view.byteLength || view.getUint32(start) !== 0x45786966) return null;
  const little = view.getUint16(tiff) === 0x4949;
  const folder = tiff + view.getUint32(tiff + 4, little);
  if (folder + 2 > view.byteLength) return null;
  for (let index = 0; index < view.getUint16(folder, little); index += 1) {
    const entry = folder + 2 + 12 * index;
    if (entry + 12 > view.byteLength) return null;
    if (view.getUint16(entry, little) === 0x0112) {
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : null;
    }
  }
  return null;
}

/** The photos that are searched with, kept in this tab only: a reload goes on where it was. */

const NAME = "facesearch.photo";
/** Browsers keep some 5 MB of text for a tab. */
const MOST_CHARACTERS = 4_000_000;
let keeping = 0;

/** Keep a search with photos, `[{file, prepared}]`; one that is too large is not kept. */
export async function keepPhotos(photos, face, entry) {
  forgetPhoto();
  const characters = photos.reduce((sum, { prepared }) => sum + (prepared.blob.size * 4) / 3, 0);
  if (characters > MOST_CHARACTERS) return;
  const mine = (keeping += 1);
  const kept = await Promise.all(
    photos.map(async ({ file, prepared }) => ({ name: file.name, url: await dataUrl(prepared.blob) })),
  );
  // Another search may have come meanwhile.
  if (mine !== keeping) return;
  try {
    sessionStorage.setItem(NAME, JSON.stringify({ entry, face, photos: kept }));
  } catch {
    // No room: the search is lost with a reload, as it was before.
  }
}

const dataUrl = (blob) =>
  new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });

export function forgetPhoto() {
  keeping += 1;
  sessionStorage.removeItem(NAME);
}

/** `{files, face}` of the search that was kept for this entry of the history, or null. */
export function keptPhotos(asked) {
  try {
    const { entry, face, photos } = JSON.parse(sessionStorage.getItem(NAME));
    if (entry !== asked) return null;
    const files = photos.map(({ name, url }) => {
      const [, media, data] = url.match(/^data:(.*?);base64,(.*)$/s);
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      return new File([bytes], name, { type: media });
    });
    return { files, face };
  } catch {
    return null;
  }
}

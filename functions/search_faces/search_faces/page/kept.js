/** The photo that is searched with, kept in this tab only: a reload goes on where it was. */

const NAME = "facesearch.photo";
/** Browsers keep some 5 MB of text for a tab. */
const MOST_CHARACTERS = 4_000_000;

/** Keep a photo search; one that is too large is not kept. */
export async function keepPhoto({ prepared, file, face }, entry) {
  forgetPhoto();
  if (!prepared?.width) return;
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(prepared.blob);
  });
  const text = JSON.stringify({ entry, name: file.name, face, url });
  try {
    if (text.length <= MOST_CHARACTERS) sessionStorage.setItem(NAME, text);
  } catch {
    // No room: the search is lost with a reload, as it was before.
  }
}

export const forgetPhoto = () => sessionStorage.removeItem(NAME);

/** `{file, face}` of the search that was kept for this entry of the history, or null. */
export function keptPhoto(asked) {
  try {
    const { entry, name, face, url } = JSON.parse(sessionStorage.getItem(NAME));
    if (entry !== asked) return null;
    const [, media, data] = url.match(/^data:(.*?);base64,(.*)$/s);
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    return { file: new File([bytes], name, { type: media }), face };
  } catch {
    return null;
  }
}

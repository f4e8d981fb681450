// Files and folders that are sent, by a field or dropped.

import { h } from "../chat/dom.js";
import { button, size } from "./ui.js";

/** How many files are sent at a time. */
const LINES = 3;

/**
 * A place to drop files and folders on.
 * @param {(files: {file: File, path: string}[]) => void} take
 */
export function dropPlace(take) {
  const picked = (event) => {
    take([...event.target.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    event.target.value = "";
  };
  const files = h("input", { type: "file", multiple: true, hidden: true, name: "files", onchange: picked });
  const folder = h("input", { type: "file", webkitdirectory: true, hidden: true, name: "folder", onchange: picked });
  const over = (on) => (event) => {
    event.preventDefault();
    place.classList.toggle("over", on);
  };
  const place = h("div.drop", {
    ondragover: over(true), ondragleave: over(false),
    ondrop: async (event) => {
      over(false)(event);
      // The list is empty once this function has waited for something.
      const { items, files: plain } = event.dataTransfer;
      const entries = [...items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
      const dropped = [...plain].map((file) => ({ file, path: file.name }));
      take(entries.length ? (await Promise.all(entries.map(filesBelow))).flat() : dropped);
    },
  }, h("p", {}, "Drop files or folders here, or"),
  h("div.row", {}, button("Choose files", () => files.click(), { look: "primary" }), button("Choose a folder", () => folder.click())),
  h("p.hint", {}, "PDF, Word, PowerPoint, Excel, Markdown, HTML, EPUB, notebooks, plain text and more"), files, folder);
  return place;
}

async function filesBelow(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader tells a hundred entries at a time.
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) break;
    found.push(...some.filter((one) => !one.name.startsWith(".")));
  }
  return (await Promise.all(found.map(filesBelow))).flat();
}

/**
 * Sends files, a few at a time.
 * @param {object} session
 * @param {{file: File, path: string}[]} files
 * @param {{base: string, sent: (index: number, document: object) => void, refused: (index: number, error: Error) => void}} told
 */
export async function sendFiles(session, files, { base, sent, refused }) {
  const most = session.settings.max_upload_bytes;
  let next = 0;
  const line = async () => {
    while (next < files.length) {
      const index = next++;
      const { file, path } = files[index];
      try {
        if (file.size > most) throw new Error(`It has ${size(file.size)}; the most is ${size(most)}. Split it.`);
        const body = new FormData();
        body.append("path", path);
        if (base) body.append("knowledge_base", base);
        body.append("file", file, file.name);
        sent(index, await session.api.json("POST", "/v1/documents", body));
      } catch (error) {
        refused(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: LINES }, line));
}

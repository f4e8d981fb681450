// The publishable keys of a knowledge base, with which pages of other sites ask it.

import { h } from "../../chat/dom.js";
import { ask, attempt, button, confirm, copied, dialog, empty, field, input, item, lines, loaded, quiet, screen } from "../ui.js";

const KEYS = "/v1/publishable-keys";

/** @returns {Node} the screen of a knowledge base’s keys */
export function show({ api }, shell, id) {
  const list = loaded(async () => {
    const { publishable_keys } = await api.get(KEYS);
    const rows = publishable_keys.filter((key) => key.knowledge_base_id === id).map(row);
    return rows.length ? h("ul.list", {}, rows) : empty("No keys yet", "Make one, and name the sites whose pages may ask. It comes with two lines of code to put into them.");
  });

  function row(key) {
    const { name, enabled, origins } = key;
    const path = `${KEYS}/${key.id}`;
    const told = `${origins.join(", ")} · ${key.questions_per_minute} questions a minute, ${key.questions_per_day} a day`;
    return item(name, told, [
      quiet("Code", `of ${name}`, () => code(key)),
      quiet("Change", name, () => terms(`Change “${name}”`, "Save", key, (values) => api.patch(path, values))),
      quiet(enabled ? "Pause" : "Resume", name, () => attempt(() => api.patch(path, { enabled: !enabled }).then(() => list.redraw()))),
      quiet("Delete", name, () => confirm("Delete the key", `Pages that show “${name}” will be turned away within ten seconds.`, "Delete", () => api.delete(path).then(() => list.redraw()))),
    ], { badges: [!enabled && "paused"] });
  }

  const code = ({ key }) => dialog("Put it into your pages", [
    h("p", {}, "The first line once a page, the second where the chat shall stand. The key is not secret."),
    ...copied("code", `<script type="module" src="${api.base}/widget.js"></script>\n<lectern-chat key="${key}"></lectern-chat>`),
    h("p.hint", {}, "With mode=\"floating\" it is a button in the corner."),
  ]);

  function terms(title, label, { name, origins = [], questions_per_minute = 10, questions_per_day = 1000 }, send) {
    const count = (key, value, max) => input(key, { type: "number", required: true, min: 1, max, value });
    ask(title, label, [
      field("Name", input("name", { value: name, required: true, maxlength: 100 }), "What it is for."),
      field("Sites that may ask", h("textarea", { name: "origins", rows: 3, required: true, placeholder: "https://docs.example.com" }, origins.join("\n")), "One a line. https://*.example.com is all below."),
      field("Questions a minute", count("questions_per_minute", questions_per_minute, 1e3), "Of one visitor."),
      field("Questions a day", count("questions_per_day", questions_per_day, 1e6), "Of all visitors."),
    ], async (values) => {
      const [minute, day] = [Number(values.questions_per_minute), Number(values.questions_per_day)];
      const made = await send({ name: values.name.trim(), origins: lines(values.origins), questions_per_minute: minute, questions_per_day: day });
      list.redraw();
      return label === "Save" ? null : () => code(made);
    });
  }

  const make = () => terms("A new key", "Make the key", {}, (values) => api.post(KEYS, { ...values, knowledge_base: id }));

  return loaded(async () => {
    const base = await api.get(`/v1/knowledge-bases/${id}`);
    return screen("On other sites", `Whoever opens a page with a key can ask “${base.name}”, without an account.`, [
      h("a.button", { href: `#/knowledge-bases/${id}` }, base.name),
      button("New key", make, { look: "primary", name: "plus" }),
    ], list);
  });
}

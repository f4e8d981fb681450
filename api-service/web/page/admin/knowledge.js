// Where knowledge comes from, what is made of it, and how the services fare.

import { failed, h, shape } from "../../chat/dom.js";
import { ask, attempt, button, confirm, dialog, empty, field, item, lines, loaded, moment, pages, quiet, say, section, select, table } from "../ui.js";

const DAY = 86_400_000;
const SPANS = [["7", "The last 7 days"], ["30", "The last 30 days"], ["90", "The last 90 days"]];

/** @returns {Node[]} figures of a span of time */
export function analytics(session) {
  const place = loaded((days = 30) => figures(session.api, days));
  const span = select("span", SPANS, "30", { "aria-label": "Which time", onchange: (event) => place.redraw(Number(event.target.value)) });
  return [h("div.row.tools", {}, span), place];
}

async function figures(api, days) {
  const from = new Date(Date.now() - days * DAY).toISOString();
  const told = await api.get(`/v1/analytics?from=${from}`);
  const { answers, feedback } = told;
  if (!answers.total) return empty("Nobody has asked anything in this time", "Figures stand here as soon as somebody does.");
  const share = (part) => `${Math.round((100 * part) / answers.total)} %`;
  const latency = told.latency_ms.first_token ?? told.latency_ms.total;
  const facts = [
    ["Answers", answers.total],
    ["Nothing found", share(answers.nothing_found)],
    ["First words, median", latency ? `${latency.p50} ms` : "–"],
    ["Rated good, bad", `${feedback.up}, ${feedback.down}`],
    ...(told.cost_usd === null ? [] : [["Cost", `$${told.cost_usd.toFixed(2)}`]]),
  ];
  return h("div.stack", {},
    h("dl.figures", {}, facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, String(value))))),
    section("Answers a day", "", barChart("Answers a day", everyDay(told.days, days))),
    ranking("Asked most", ASKED, told.top_questions.map(asked)),
    ranking("Not answered, or rated bad", ASKED, told.unanswered.map(asked)),
    ranking("Cited most", ["Document", "Knowledge base", "Cited", "Found"],
      told.documents.map((one) => [h("a", { href: `#/documents/${one.document_id}` }, one.title || one.path), one.knowledge_base, one.cited, one.found])),
    ranking("Language models", ["Model", "Answers", "Tokens read", "Tokens written"],
      told.models.map((one) => [one.model ?? "without an answer", one.answers, one.prompt_tokens, one.completion_tokens])));
}

const ASKED = ["Question", "Asked", "Nothing found", "Rated bad"];
const asked = (one) => [one.question, one.asked, one.nothing_found, one.rated_down];

/** A table with a heading, where there is anything in it. */
const ranking = (title, heads, rows) => (rows.length ? section(title, "", table(title, heads,
  rows.map((cells) => cells.map((cell) => (typeof cell === "number" ? cell.toLocaleString() : cell))))) : "");

/** A figure for each day, also those on which nobody asked. */
function everyDay(days, count) {
  return Array.from({ length: count }, (_, index) => {
    const day = new Date(Date.now() - (count - 1 - index) * DAY).toISOString().slice(0, 10);
    return [day, days[day] ?? 0];
  });
}

const [WIDTH, HEIGHT] = [640, 160];

/**
 * A bar for each figure, and the same in words.
 * @param {string} label what is counted
 * @param {[string, number][]} figures
 */
function barChart(label, figures) {
  const most = Math.max(1, ...figures.map(([, value]) => value));
  const step = WIDTH / figures.length;
  const bars = figures.map(([name, value], index) => {
    const height = (value / most) * (HEIGHT - 8);
    const title = shape("title", {}, `${name}: ${value}`);
    return shape("rect", { x: index * step + 1, y: HEIGHT - Math.max(height, 1), width: Math.max(step - 2, 1), height: Math.max(height, 1), rx: 1.5 }, title);
  });
  const total = figures.reduce((sum, [, value]) => sum + value, 0);
  const words = `${label}: ${total} in all, at most ${most} on one day`;
  return h("figure", {}, shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "chart", role: "img", "aria-label": words }, ...bars),
    h("figcaption.note.ends", {}, h("span", {}, figures[0][0]), h("span", {}, `at most ${most} a day`), h("span", {}, figures.at(-1)[0])));
}

const KINDS = [["sitemap", "A sitemap"], ["urls", "Single pages"], ["git", "A Git repository"]];
const EVERY = [["0", "When asked"], ["3600", "Every hour"], ["86400", "Every day"], ["604800", "Every week"]];

/** @returns {Node[]} all sources */
export function sources(session) {
  const { api } = session;
  const list = pages(async (after) => {
    const told = await api.get(`/v1/sources?after=${after}`);
    return { rows: told.sources.map(row), next: told.next };
  }, empty("No sources yet", "A source keeps documents as the pages of a site or the files of a repository are."));

  function row(source) {
    const name = source.urls[0] + (source.urls.length > 1 ? ` and ${source.urls.length - 1} more` : "");
    const sync = source.last_sync;
    const bad = sync?.error_detail;
    const counts = sync && `${sync.created} new, ${sync.updated} changed, ${sync.removed} gone, ${sync.refused_count} refused`;
    const path = `/v1/sources/${source.id}`;
    const when = sync?.finished_at && !bad ? [", ", moment(sync.finished_at)] : [];
    const made = item(name, [`Into ${source.knowledge_base.name}. `, bad ?? counts ?? "Not synced yet.", ...when], [
      sync?.refused.length > 0 && quiet("Refused pages", `of ${name}`, () => refusals(sync)),
      quiet("Sync now", name, () => attempt(async () => {
        made.replaceWith(row(await api.post(`${path}/sync`)));
        say("The sync has begun.");
      })),
      quiet("Delete", name, () => confirm("Delete the source", "The documents that it brought will be gone, too.", "Delete", () => api.delete(path).then(() => list.redraw()))),
    ], { badges: [source.state], bad });
    return made;
  }

  function refusals(sync) {
    dialog("Refused pages", h("ul.list", {}, sync.refused.map(({ url, detail }) => item(url, detail))));
  }

  async function make() {
    const told = await attempt(() => api.get("/v1/knowledge-bases"));
    if (!told) return;
    const bases = told.knowledge_bases.filter((base) => base.access !== "reader").map(({ id, name }) => [id, name]);
    ask("A new source", "Make it", [
      field("What it is", select("kind", KINDS, "sitemap")),
      field("Addresses", h("textarea", { name: "urls", rows: 3, required: true }), "One a line; of a sitemap or a repository, one."),
      field("Into", select("knowledge_base", bases, bases[0]?.[0])),
      field("How often", select("every_seconds", EVERY, "86400")),
      field("Only paths such as", h("textarea", { name: "include", rows: 2, placeholder: "docs/**" }), "One a line. Left empty, all."),
    ], async (values) => {
      await api.post("/v1/sources", { ...values, every_seconds: Number(values.every_seconds), urls: lines(values.urls), include: lines(values.include) });
      list.redraw();
    });
  }

  return [h("div.row.tools", {}, button("New source", make, { name: "plus" })), list];
}

const PARTS = { database: "Database", vector_index: "Vector index", auth_service: "Signing keys of auth-service", accounts: "Account events" };
const STATES = { up: "Works", degraded: "Works in part", down: "Does not work" };

/** @returns {Node[]} both services, part by part */
export function health(session) {
  const place = h("div.stack");
  const draw = () => place.replaceChildren(service("api-service", session.api), service("auth-service", session.auth));
  draw();
  return [h("div.row.tools", {}, button("Look again", draw, { name: "again" })), place];
}

function service(name, client) {
  return section(name, "", loaded(async () => {
    // What is unwell says so with a status of its own, and one origin may tell of one service alone.
    const response = await fetch(`${client.base}/health`).catch(() => null);
    const told = await response?.json().catch(() => null);
    if (!told?.dependencies) return failed(new Error(`${name} can’t be reached from here.`));
    if (told.service !== name) return h("p.note", {}, "It tells its health at its own address, which is not this one.");
    const rows = Object.entries(told.dependencies).map(([part, { status, latency_ms }]) =>
      item(PARTS[part] ?? part, STATES[status] ?? status, h("span.badge", {}, `${latency_ms} ms`), { bad: status !== "up" }));
    return [h("p.note", {}, `Version ${told.version}, ${told.status}`), h("ul.list", {}, rows)];
  }));
}

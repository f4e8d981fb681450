// Markdown to elements, sanitised, with an answer’s citations in place.

import "../vendor/dompurify-3.4.18.js";
import * as markdown from "../vendor/streaming-markdown-0.2.15.js";
import { h } from "./dom.js";

const ALLOWED = {
  ALLOWED_TAGS: "p br strong em s code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 table thead tbody tr th td a hr".split(" "),
  ALLOWED_ATTR: ["href", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  RETURN_DOM_FRAGMENT: true,
};

// Characters that no text has, which mark places through the Markdown parser.
const BEGIN = "\uE000";
const END = "\uE001";
const CITES = "\uE002";
const BEFORE_STOP = /((?:\s*\[\d{1,3}(?:\uE002\d+)?\])+)([.,;:!?]+)(?=[\s\uE001]|$)/g;
const PLACES = /[\uE000\uE001]|\uE002\d*/g;

/** What api-service escapes, so that no renderer takes it for HTML. */
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"' };

/** The elements that Markdown stands for. Pictures are not fetched. */
function parsed(text) {
  const root = h("div");
  const usual = markdown.default_renderer(root);
  const set_attr = (data, name, value) => name !== markdown.SRC && usual.set_attr(data, name, value);
  const parser = markdown.parser({ ...usual, set_attr });
  markdown.parser_write(parser, text);
  markdown.parser_end(parser);
  return root;
}

/**
 * Renders Markdown.
 * @param {string} text
 * @param {object} [evidence]
 * @param {{number: number, sentence: {start: number, end: number}}[]} [evidence.citations]
 *   which sentences rest on which source, in UTF-8 bytes of the text
 * @param {{start: number, end: number}[]} [evidence.unsupported] sentences that no source supports
 * @param {(number: number, citation: object | undefined) => Node | null} [evidence.chip]
 *   what stands for a marker such as `[1]`; without it markers are left away
 * @returns {DocumentFragment}
 */
export function renderMarkdown(text, { citations = [], unsupported = [], chip = () => null } = {}) {
  const marked = marking(text.replace(PLACES, ""), citations, unsupported);
  const fragment = globalThis.DOMPurify.sanitize(parsed(marked), ALLOWED);
  for (const link of fragment.querySelectorAll("a:not([href])")) link.replaceWith("[", ...link.childNodes, "]");
  fragment.normalize();
  dress(fragment, (number, index) => chip(number, citations[index]));
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    // The page has the first two levels.
    heading.replaceWith(h(`h${Math.min(Number(heading.tagName[1]) + 2, 6)}`, {}, ...heading.childNodes));
  }
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  for (const wide of fragment.querySelectorAll("table, pre")) {
    const label = wide.tagName === "PRE" ? "Code" : "Table";
    const frame = h("div.wide", { tabindex: 0, role: "region", "aria-label": label });
    wide.replaceWith(frame);
    frame.append(wide);
  }
  return fragment;
}

/** The text with marks in it: each [n] of a citation tells which, and unsupported sentences are enclosed. */
function marking(text, citations, unsupported) {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const at = (byte) => decoder.decode(bytes.subarray(0, byte)).length;
  const inserts = [];
  citations.forEach(({ number, sentence }, index) => {
    const [start, end] = [at(sentence.start), at(sentence.end)];
    const marker = text.indexOf(`[${number}]`, start);
    if (marker >= 0 && marker <= end) inserts.push([marker + `[${number}`.length, CITES + index]);
  });
  for (const { start, end } of unsupported) {
    const [from, to] = [at(start), at(end)];
    const sentence = text.slice(from, to);
    // What begins or ends a block means something at its place alone.
    const lead = /^(?:[\s>#*+|\x60~-]|\d+[.)]\s)*/.exec(sentence)[0].length;
    const tail = /[\s|\x60~]*$/.exec(sentence)[0].length;
    if (/\x60{3}/.test(sentence) || lead + tail >= sentence.length) continue;
    inserts.push([from + lead, BEGIN], [to - tail, END]);
  }
  inserts.sort((one, other) => other[0] - one[0]);
  return inserts.reduce((before, [place, mark]) => before.slice(0, place) + mark + before.slice(place), text);
}

/** Puts chips in the places of markers, and what stands between BEGIN and END into elements. */
function dress(fragment, chipOf) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  let inside = false;
  const piecesOf = (piece) => {
    const [, number, index] = /^\[(\d+)(?:\uE002(\d+))?\]$/.exec(piece) ?? [];
    if (number) return chipOf(Number(number), index);
    if (piece === BEGIN || piece === END) {
      inside = piece === BEGIN;
      return null;
    }
    const plain = piece.replace(PLACES, "").replace(/&(?:lt|gt|amp|quot);/g, (entity) => ENTITIES[entity]);
    return inside && plain.trim() ? h("span.unsupported", {}, plain) : plain;
  };
  for (const node of texts) {
    if (node.parentElement?.closest("code")) {
      node.data = node.data.replace(PLACES, "");
      continue;
    }
    // The space before a marker goes, so that the chip stands at its sentence.
    const pieces = node.data.replace(BEFORE_STOP, "$2$1").split(/([\uE000\uE001])|\s*(\[\d{1,3}(?:\uE002\d+)?\])/).filter(Boolean);
    node.replaceWith(...pieces.map(piecesOf).filter((piece) => piece !== null));
  }
}

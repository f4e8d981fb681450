// The widget as a page, for frames: its address says what the element’s attributes would.

import "./lectern-chat.js";
import { h } from "../chat/dom.js";

const asked = new URLSearchParams(location.search);
const whole = new CSSStyleSheet();
whole.replaceSync("html, body, main { height: 100%; margin: 0; } lectern-chat { --lectern-height: 100%; border: 0; border-radius: 0; }");
document.adoptedStyleSheets = [whole];
const given = ["key", "base-url", "label"].filter((name) => asked.has(name)).map((name) => [name, asked.get(name)]);
document.body.append(h("main", {}, h("lectern-chat", Object.fromEntries(given))));

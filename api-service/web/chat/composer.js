// Where a question is written.

import { h, icon } from "./dom.js";

/** The most characters of a question, as api-service has it. */
const LONGEST = 8000;

/**
 * A field for questions: Enter asks, Shift and Enter begin a line. While an
 * answer comes, its button stops that.
 */
export class Composer {
  /** @param {{ask: (text: string) => void, stop: () => void}} how */
  constructor({ ask, stop }) {
    this.busy = false;
    this.area = h("textarea", {
      rows: 1,
      name: "question",
      maxlength: LONGEST,
      placeholder: "Ask a question",
      "aria-label": "Ask a question",
      enterkeyhint: "send",
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.submit();
      },
      oninput: () => this.refresh(),
    });
    this.button = h("button.primary.square", {});
    this.ask = ask;
    this.stop = stop;
    this.element = h("form.composer", {
      onsubmit: (event) => {
        event.preventDefault();
        if (this.busy) this.stop();
        else this.submit();
      },
    }, this.area, this.button);
    this.refresh();
  }

  submit() {
    const text = this.area.value.trim();
    if (this.busy || !text) return;
    this.area.value = "";
    this.refresh();
    this.ask(text);
  }

  /** Tells whether an answer is coming. */
  setBusy(busy) {
    this.busy = busy;
    this.refresh();
  }

  refresh() {
    const label = this.busy ? "Stop the answer" : "Ask";
    this.button.replaceChildren(icon(this.busy ? "stop" : "send"));
    this.button.setAttribute("aria-label", label);
    this.button.title = label;
    this.button.disabled = !this.busy && !this.area.value.trim();
  }
}

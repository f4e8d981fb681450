// <lectern-thread>: a conversation, and the field to go on with it.

import { applyEvent, keptAnswer, newAnswer } from "./answer.js";
import { followAnswer } from "./client.js";
import { Composer } from "./composer.js";
import { failed, h } from "./dom.js";
import { AnswerElement, questionElement } from "./message.js";

/** How near to the end a reader must be to be kept there, in pixels. */
const NEAR = 80;

/**
 * A conversation as an element. `start` it with a client of api-service and
 * options, then `show` a conversation, or none to begin one.
 */
export class LecternThread extends HTMLElement {
  /**
   * @param {object} api a client of api-service, see `client.js`
   * @param {object} options
   * @param {(source: object, citation?: object) => void} options.openSource shows a passage
   * @param {() => object} [options.within] what questions are put to: `{knowledge_bases}` or `{filter}`
   * @param {(id: string) => void} [options.onConversation] a conversation has begun
   * @param {() => void} [options.onAnswered] an answer has ended
   * @param {Node} [options.empty] what stands where nothing was asked yet
   */
  start(api, options) {
    Object.assign(this, { api, options });
    this.composer = new Composer({
      ask: (text) => this.ask({ message: text }),
      stop: () => this.stop(),
    });
    this.list = h("div.messages", { role: "log", "aria-live": "off", "aria-label": "Conversation", tabindex: 0 });
    this.status = h("p.unseen", { role: "status" });
    this.replaceChildren(this.list, h("div.asking", {}, this.composer.element), this.status);
    this.reset(null);
  }

  disconnectedCallback() {
    this.line?.abort();
  }

  reset(id) {
    this.line?.abort();
    this.line = null;
    this.conversation = id;
    this.messages = [];
    this.running = null;
    this.composer.setBusy(false);
    this.list.replaceChildren(...(id || !this.options.empty ? [] : [this.options.empty]));
  }

  /** Shows a conversation, and goes on with an answer that is being made in it. */
  async show(id) {
    this.reset(id);
    if (!id) return;
    const line = new AbortController();
    this.line = line;
    this.list.setAttribute("aria-busy", "true");
    try {
      let after = "";
      do {
        const page = await this.api.get(`/v1/conversations/${id}?after=${after}`, { signal: line.signal });
        for (const message of page.messages) this.add(message.role === "user" ? message : keptAnswer(message));
        after = page.next;
      } while (after);
      this.toEnd();
      const response = await this.api.open("GET", `/v1/conversations/${id}/stream`, { signal: line.signal });
      if (response.status !== 204) await this.follow(async () => response, line);
    } catch (error) {
      if (!line.signal.aborted) this.list.append(failed(error, () => this.show(id)));
    } finally {
      this.list.removeAttribute("aria-busy");
    }
  }

  /** Asks `{message}`, or `{replaces}` to have an answer given anew or a question replaced. */
  async ask(question) {
    if (this.running) return;
    this.list.querySelectorAll(":scope > .notice").forEach((notice) => notice.remove());
    if (!this.messages.length) this.list.replaceChildren();
    const before = [...this.messages];
    if (question.replaces) this.cut(question.replaces);
    if (question.message) this.add({ role: "user", content: question.message });
    const line = new AbortController();
    this.line = line;
    const body = { ...this.options.within?.(), ...question };
    if (this.conversation) body.conversation_id = this.conversation;
    const open = () => this.api.open("POST", "/v1/chat/stream", { body, signal: line.signal });
    const began = await this.follow(open, line, () => {
      this.redraw(before);
      this.composer.area.focus();
      this.ask(question);
    });
    if (!began && question.replaces) this.redraw(before);
  }

  /** Follows an answer to its end; `retry` asks again. @returns {Promise<boolean>} whether it began */
  async follow(open, line, retry) {
    const answer = newAnswer();
    this.running = answer;
    this.composer.setBusy(true);
    this.status.textContent = "The answer is being written.";
    const shown = this.add(answer);
    this.toEnd();
    try {
      await followAnswer(this.api, open, (event) => this.hear(event, answer, shown), line.signal);
    } catch (error) {
      if (line.signal.aborted) return true;
      if (answer.id) Object.assign(answer, { failure: error.message, running: false });
      else {
        this.drop(answer, failed(error, retry));
        this.toEnd();
      }
    }
    this.ended(answer);
    return Boolean(answer.id);
  }

  hear(event, answer, shown) {
    if (event.name === "started") {
      this.place(event.data);
      if (answer.wantsStop) this.api.post(`/v1/messages/${event.data.message_id}/stop`).catch(() => {});
    }
    const isNear = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR;
    applyEvent(answer, event);
    shown.update();
    if (isNear) requestAnimationFrame(() => this.toEnd());
  }

  /** Takes what the service calls question and conversation; what stood after the question is replaced. */
  place({ conversation_id, question_id }) {
    if (!this.conversation) {
      this.conversation = conversation_id;
      this.options.onConversation?.(conversation_id);
    }
    const known = this.messages.findIndex((message) => message.id === question_id);
    const stale = known < 0 ? [] : this.messages.slice(known + 1, -1);
    for (const message of stale) this.drop(message);
    const question = this.messages.at(-2);
    if (question && !question.id) {
      question.id = question_id;
      const element = questionElement(question, this.editor());
      question.element.replaceWith(element);
      question.element = element;
    }
  }

  ended(answer) {
    const shown = answer.shown;
    shown?.draw();
    this.running = null;
    this.line = null;
    this.composer.setBusy(false);
    const text = shown?.body.textContent ?? "";
    this.status.textContent = answer.failure ? answer.failure : text && `Answer: ${text}`;
    this.options.onAnswered?.();
  }

  async stop() {
    const answer = this.running;
    if (!answer) return;
    answer.wantsStop = true;
    if (answer.id) await this.api.post(`/v1/messages/${answer.id}/stop`).catch(() => {});
  }

  editor() {
    return (message, text) => !this.running && this.ask({ message: text, replaces: message.id });
  }

  add(message) {
    let shown = null;
    if (message.role === "user") message.element = questionElement(message, this.editor());
    else {
      shown = new AnswerElement(message, this.actions());
      message.shown = shown;
      message.element = shown.element;
    }
    this.messages.push(message);
    this.list.append(message.element);
    return shown;
  }

  actions() {
    return {
      openSource: this.options.openSource,
      again: (answer) => this.ask({ replaces: answer.id }),
      rate: (answer, rating) => this.rate(answer, rating),
    };
  }

  async rate(answer, rating) {
    const path = `/v1/messages/${answer.id}/feedback`;
    await (rating ? this.api.put(path, { rating }) : this.api.delete(path));
    answer.feedback = rating && { rating };
    this.status.textContent = rating ? "Thank you for the rating." : "The rating is taken back.";
  }

  /** Takes a message and what follows it away. */
  cut(id) {
    const from = this.messages.findIndex((message) => message.id === id);
    for (const message of this.messages.slice(Math.max(from, 0))) this.drop(message);
  }

  drop(message, instead = "") {
    message.element.replaceWith(instead);
    this.messages = this.messages.filter((one) => one !== message);
  }

  redraw(messages) {
    const notice = this.list.querySelector(":scope > .notice");
    this.messages = [];
    this.list.replaceChildren();
    for (const message of messages) this.add(message);
    if (notice) this.list.append(notice);
    this.toEnd();
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }
}

customElements.define("lectern-thread", LecternThread);

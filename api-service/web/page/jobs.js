// How documents are brought in, in words, and followed as it goes.

import { readEvents } from "../chat/client.js";
import { h } from "../chat/dom.js";

const STAGES = {
  queued: "Waiting for its turn",
  parsing: "Reading the file",
  chunking: "Cutting it into passages",
  embedding: "Making it searchable",
  indexing: "Writing the index",
  ready: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** Why a job failed, and what helps, by its code. */
const FAULTS = {
  empty_document: "It has no text that can be read. A scanned PDF needs text recognition first.",
  unreadable_document: "The file is damaged, or is not what its name says. Save it anew and send it again.",
  encrypted_document: "It is protected by a password. Take the protection off and send it again.",
  too_complex: "It is too complex to be read. Split it into smaller files.",
  timed_out: "Reading it took too long. Split it into smaller files.",
  embedding_failed: "The embedding model did not answer. Try again later.",
  stage_too_long: "It took too long. Try again; if it stays so, split the file.",
  too_many_attempts: "It was interrupted too often. Try again.",
};

/** Whether a job is over. */
export const isOver = (job) => ["ready", "failed", "cancelled"].includes(job.state);

/** What a job does or why it failed, for people. */
export function wordsOf(job) {
  if (job.state === "failed") return FAULTS[job.error?.code] ?? `It failed (${job.error?.code ?? "unknown"}). Try again.`;
  const left = job.eta_seconds;
  const eta = left > 0 && !isOver(job) ? `, about ${left < 90 ? `${left} seconds` : `${Math.ceil(left / 60)} minutes`} left` : "";
  const share = job.state === "embedding" && job.total ? ` (${job.done} of ${job.total})` : "";
  return STAGES[job.state] + share + eta;
}

/** A job’s progress; its room is kept when it is over. */
export function progressOf(job) {
  const bar = h("progress", { max: 100, "aria-label": "Progress", "aria-valuetext": wordsOf(job) });
  const steps = { queued: 2, parsing: 10, chunking: 20, indexing: 95 };
  bar.value = job.state === "embedding" ? 20 + (job.total ? (75 * job.done) / job.total : 0) : steps[job.state];
  return bar;
}

/** How many jobs are followed at a time: browsers open six lines to a host. */
const LINES = 3;

/** Follows jobs by their events, a few at a time, the oldest first. */
export class JobWatch {
  constructor(api) {
    this.api = api;
    this.waiting = [];
    this.open = 0;
    this.ending = new AbortController();
  }

  /** Follows a job; `tell` is called with it whenever it changes. */
  follow(job, tell) {
    if (isOver(job)) return;
    this.waiting.push([job, tell]);
    this.next();
  }

  /** Follows nothing any more. */
  end() {
    this.waiting = [];
    this.ending.abort();
  }

  async next() {
    if (this.open >= LINES || !this.waiting.length) return;
    const [job, tell] = this.waiting.shift();
    this.open += 1;
    try {
      const signal = this.ending.signal;
      const response = await this.api.open("GET", `/v1/jobs/${job.id}/events`, { signal });
      for await (const { name, data } of readEvents(response)) if (name !== "error") tell(data);
    } catch {
      // The list tells it when it is shown the next time.
    } finally {
      this.open -= 1;
      this.next();
    }
  }
}

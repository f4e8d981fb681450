// What is known of an answer while its events come.

/** An answer of which nothing has come yet. */
export function newAnswer() {
  return {
    role: "assistant",
    id: null,
    content: "",
    kind: null,
    sources: [],
    citations: [],
    unsupported: [],
    notices: [],
    failure: null,
    feedback: null,
    running: true,
    stopped: false,
  };
}

/** An answer as a conversation keeps it. */
export function keptAnswer(message) {
  const broken = message.broken;
  const stopped = broken === "stopped";
  const failure = broken && !stopped ? "This answer ended before its end. Ask again to get a whole one." : null;
  return { ...newAnswer(), ...message, running: false, stopped, failure };
}

/** Takes an event of the stream into the answer. */
export function applyEvent(answer, { name, data }) {
  if (name === "started") answer.id = data.message_id;
  else if (name === "retrieval") answer.sources = data.sources;
  else if (name === "delta") answer.content += data.text;
  else if (name === "citation") answer.citations.push(data);
  else if (name === "notice") answer.notices.push(data);
  else if (name === "completed") {
    const { response, kind, citations, unsupported } = data;
    Object.assign(answer, { content: response, kind, citations, unsupported, running: false });
  } else if (name === "failed") {
    const stopped = data.code === "stopped";
    Object.assign(answer, { stopped, failure: stopped ? null : data.detail, running: false });
  }
}

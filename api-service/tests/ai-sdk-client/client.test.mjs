// The AI SDK's chat and transport, unmodified, of the first release of its
// protocol, which refuses what it does not know, to the newest.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start, token } from "./server.mjs";

const RELEASES = ["ai-5.0.0", "ai-5", "ai"];
const [ADA, BEN] = [token(1), token(2)];
const SAID = ["The vault ", "opens at nine. [1]", " 🔑 Doors are steel. [2]"];
const QUESTION = "When does the vault open, and what are its doors made of?";

let service;

before(async () => {
  service = await start();
  await service.add(ADA, {
    title: "Vault", path: "books/vault.md", text: "# Hours\n\nThe vault opens at nine.",
  });
  await service.add(ADA, {
    title: "Doors", path: "https://docs.example.com/doors", media_type: "text/markdown",
    text: "The doors of the vault are made of steel.",
  });
});

after(async () => {
  await service?.stop();
});

/** What a page keeps of a chat. */
class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => (this.messages = [...this.messages, message]);
  popMessage = () => (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index, message) => (this.messages = this.messages.with(index, message));
  snapshot = (value) => structuredClone(value);
}

let number = 0;

/** A chat of this release in a page. */
function page(sdk, { key = ADA, id = `chat/${(number += 1)}`, body } = {}) {
  const failures = [];
  const state = new State();
  const transport = new sdk.DefaultChatTransport({
    api: `${service.url}/v1/ui/chat`,
    headers: { authorization: `Bearer ${key}` },
    body,
    prepareReconnectToStreamRequest: ({ api, id }) => ({
      api: `${api}/${encodeURIComponent(id)}/stream`,
    }),
  });
  const Chat = class extends sdk.AbstractChat {};
  const chat = new Chat({ id, state, transport, onError: (error) => failures.push(error) });
  return { chat, transport, failures, id };
}

const textOf = (message) =>
  message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
const partsOf = (message, type) => message.parts.filter((part) => part.type === type);
const until = async (condition) => {
  for (let times = 0; times < 500; times += 1) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error("it did not come to that");
};

async function conversation(key, id) {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(`${service.url}/v1/conversations/${id}`, { headers });
  return (await answer.json()).messages.map((message) => message.content);
}

for (const release of RELEASES) {
  const sdk = await import(release);
  const says = (pieces, then = "ends") => Object.assign(service.model, { pieces, then });

  test(`${release}: an answer comes with its sources, citations and usage`, async () => {
    says(SAID);
    const { chat, failures } = page(sdk);
    await chat.sendMessage({ text: QUESTION });
    assert.deepEqual(failures, []);
    const [, answer] = chat.messages;
    const text = textOf(answer);
    assert.equal(text, SAID.join(""));
    assert.deepEqual(
      partsOf(answer, "source-url").map(({ url, title }) => ({ url, title })),
      [{ url: "https://docs.example.com/doors", title: "Doors" }],
    );
    const [source] = partsOf(answer, "source-document");
    assert.deepEqual(
      [source.mediaType, source.title, source.filename],
      ["text/markdown", "Vault", "vault.md"],
    );
    const shown = await fetch(source.providerMetadata.lectern.url);
    assert.match(await shown.text(), /opens at nine/);
    const cited = partsOf(answer, "data-citation").map(({ data }) => text.slice(data.start, data.end));
    assert.equal(cited.length, 2);
    assert.match(cited[0], /^The vault opens at nine\. \[\d\]/);
    assert.match(cited[1], /Doors are steel\. \[\d\]$/);
    assert.deepEqual(partsOf(answer, "data-retrieval"), []);
    assert.equal(answer.metadata.kind, "generated");
    assert.equal(answer.metadata.usage.totalTokens, 0);
    assert.deepEqual(await conversation(ADA, answer.metadata.conversationId), [QUESTION, text]);
  });

  test(`${release}: a chat goes on, and answers are generated anew`, async () => {
    says(["Nine. [1]"]);
    const { chat, failures } = page(sdk);
    await chat.sendMessage({ text: QUESTION });
    await chat.sendMessage({ text: "And the doors of the vault?" });
    const { conversationId } = chat.messages[1].metadata;
    assert.equal(chat.messages[3].metadata.conversationId, conversationId);
    says(["Steel. [1]"]);
    await chat.regenerate();
    assert.deepEqual(chat.messages.map((message) => message.role), ["user", "assistant", "user", "assistant"]);
    const kept = [QUESTION, "Nine. [1]", "And the doors of the vault?", "Steel. [1]"];
    assert.deepEqual(await conversation(ADA, conversationId), kept);
    says(["At nine. [1]"]);
    await chat.regenerate({ messageId: chat.messages[1].id });
    assert.deepEqual(await conversation(ADA, conversationId), [QUESTION, "At nine. [1]"]);
    says(["Of steel. [1]"]);
    const edited = "What are the doors of the vault made of?";
    await chat.sendMessage({ text: edited, messageId: chat.messages[0].id });
    assert.deepEqual(await conversation(ADA, conversationId), [edited, "Of steel. [1]"]);
    assert.deepEqual(chat.messages.map(textOf), [edited, "Of steel. [1]"]);
    assert.deepEqual(failures, []);
  });

  test(`${release}: who comes back hears the rest`, async () => {
    says(["The vault ", "opens"], "hangs");
    const first = page(sdk);
    const sent = first.chat.sendMessage({ text: QUESTION });
    await until(() => first.chat.lastMessage?.parts?.some((part) => part.text?.endsWith("opens")));
    const second = page(sdk, { id: first.id });
    second.chat.messages = [first.chat.messages[0]];
    const resumed = second.chat.resumeStream();
    await until(() => second.chat.lastMessage?.parts?.some((part) => part.text?.endsWith("opens")));
    service.model.then = "ends";
    await Promise.all([sent, resumed]);
    assert.equal(textOf(second.chat.lastMessage), "The vault opens");
    assert.equal(second.chat.lastMessage.id, first.chat.lastMessage.id);
    assert.deepEqual([...first.failures, ...second.failures], []);
    const { transport, id } = page(sdk, { id: first.id });
    assert.equal(await transport.reconnectToStream({ chatId: id }), null);
    assert.equal(await page(sdk, { key: BEN }).transport.reconnectToStream({ chatId: first.id }), null);
  });

  test(`${release}: an answer that is stopped ends at the model, too`, async () => {
    says(["The vault "], "hangs");
    const { left } = service.model;
    const { chat, failures } = page(sdk);
    const sent = chat.sendMessage({ text: QUESTION });
    await until(() => chat.lastMessage?.role === "assistant" && textOf(chat.lastMessage) !== "");
    await chat.stop();
    await sent;
    assert.equal(chat.status, "ready");
    await until(() => service.model.left > left);
    assert.deepEqual(failures, []);
    service.model.then = "ends";
  });

  test(`${release}: failures are words for the reader`, async () => {
    says(["The vault "], "breaks");
    const broken = page(sdk);
    await broken.chat.sendMessage({ text: QUESTION });
    assert.equal(broken.chat.status, "error");
    assert.equal(broken.failures[0].message, "The answer broke off; ask again.");
    assert.equal(textOf(broken.chat.lastMessage), "The vault ");
    const refusals = [
      [page(sdk, { key: "no.token.really" }), QUESTION, "This token does not hold; sign in again."],
      [page(sdk), " ", "The message is empty; send a question."],
      [
        page(sdk, { body: { knowledgeBase: "hers" } }), QUESTION,
        "There is no knowledge base with this name that you may read.",
      ],
    ];
    for (const [{ chat, failures }, text, words] of refusals) {
      await chat.sendMessage({ text });
      assert.deepEqual(failures.map((error) => error.message), [words]);
    }
  });

  test(`${release}: readUIMessageStream puts a message together`, async () => {
    says(SAID);
    const { transport } = page(sdk);
    const messages = [{ id: "m1", role: "user", parts: [{ type: "text", text: QUESTION }] }];
    const stream = await transport.sendMessages({
      chatId: `read/${(number += 1)}`, messages, trigger: "submit-message",
    });
    let last;
    for await (const message of sdk.readUIMessageStream({ stream })) last = message;
    assert.equal(textOf(last), SAID.join(""));
    assert.equal(partsOf(last, "data-citation").length, 2);
  });
}

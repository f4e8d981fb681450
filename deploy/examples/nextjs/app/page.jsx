"use client";

// A chat with `useChat`, for who is signed in; the token comes from auth-service, through next.config.mjs.

import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { useState } from "react";

async function headers() {
  const told = await fetch("/api/auth/token");
  if (!told.ok) throw new Error("Sign in first.");
  return { authorization: `Bearer ${(await told.json()).token}` };
}

const transport = new DefaultChatTransport({ api: "/lectern/v1/ui/chat", headers });

export default function Page() {
  const { messages, sendMessage, status, error } = useChat({ transport });
  const [question, setQuestion] = useState("");
  const ask = (event) => {
    event.preventDefault();
    sendMessage({ text: question });
    setQuestion("");
  };
  return (
    <main>
      <h1>Ask the handbook</h1>
      {messages.map(({ id, role, parts }) => (
        <article key={id} data-role={role}>
          {parts.map((part, at) => (part.type === "text" ? <p key={at}>{part.text}</p> : null))}
        </article>
      ))}
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={ask}>
        <label>
          Question <input name="question" value={question} onChange={(event) => setQuestion(event.target.value)} />
        </label>
        <button disabled={status !== "ready" || !question.trim()}>Ask</button>
      </form>
    </main>
  );
}

/**
 * Signs in, brings a document in, asks about it, and reads an answer as it comes.
 *
 * It stands beside the folder `typescript` that `make sdk` leaves in target/sdk.
 */
import { createClient as createApi } from "./typescript/api/client/index.js";
import { getV1JobsId, postV1Chat, postV1ChatStream, postV1Documents } from "./typescript/api/index.js";
import { createClient as createAuth } from "./typescript/auth/client/index.js";
import { postV1Sessions } from "./typescript/auth/index.js";

const { AUTH_URL, API_URL, EMAIL, PASSWORD } = process.env as Record<string, string>;
const QUESTION = "When does the vault open?";

const accounts = createAuth({ baseUrl: AUTH_URL });
const { data: grant } = await postV1Sessions({
  client: accounts,
  body: { email: EMAIL, password: PASSWORD },
  throwOnError: true,
});
console.log(`signed in as ${grant.user.name}`);

const lectern = createApi({ baseUrl: API_URL, auth: () => grant.access_token });
const { data: document } = await postV1Documents({
  client: lectern,
  body: { text: "# The vault\n\nThe vault opens at nine.", title: "The vault" },
  throwOnError: true,
});
let job = document.job;
while (!["ready", "failed", "cancelled"].includes(job.state)) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  job = (await getV1JobsId({ client: lectern, path: { id: job.id }, throwOnError: true })).data;
}
console.log(`${document.title} is ${job.state}`);

const { data: answer } = await postV1Chat({
  client: lectern,
  body: { message: QUESTION },
  throwOnError: true,
});
if (!answer.response.includes("nine")) throw new Error(answer.response);
console.log(`answered: ${answer.response}`);
for (const source of answer.sources) console.log(`  [${source.number}] ${source.title}`);

const { stream } = await postV1ChatStream({ client: lectern, body: { message: QUESTION } });
let streamed = "";
for await (const event of stream) {
  // The client reads the JSON of each event's data itself.
  const data = event as unknown as { text?: string };
  streamed += data.text ?? "";
}
if (!streamed.includes("nine")) throw new Error(`streamed: ${streamed}`);
console.log(`streamed: ${streamed}`);

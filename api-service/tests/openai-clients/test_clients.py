"""OpenAI's and LangChain's clients, unmodified, against a started api-service."""
import unittest
import urllib.request

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from service import LanguageModel, Service, token

ADA, BEN = token(1), token(2)
QUESTION = "When does the vault open?"
SAID = ["The vault ", "opens at nine. [1]", " That is all."]


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = LanguageModel()
        cls.service = Service(LLM_BASE_URL=cls.model.url, LLM_MODEL="a-model",
                              RATE_LIMIT_REQUESTS_PER_MINUTE="60")
        cls.service.add(ADA, {"title": "Vault", "path": "vault.md",
                              "text": "# Hours\n\nThe vault opens at nine."})

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()
        cls.model.stop()

    def setUp(self):
        self.model.pieces, self.model.breaks = SAID, False
        self.model.requests.clear()

    def client(self, key=ADA, **settings):
        settings = {"max_retries": 0, **settings}
        return openai.OpenAI(base_url=f"{self.service.url}/v1", api_key=key, **settings)

    def ask(self, client, **more):
        messages = [{"role": "user", "content": QUESTION}]
        return client.chat.completions.create(model="lectern", messages=messages, **more)

    def test_a_whole_answer_has_its_sources_as_annotations_and_as_a_list(self):
        answer = self.ask(self.client())
        message = answer.choices[0].message
        content, [annotation] = message.content, message.annotations
        citation = annotation.url_citation
        self.assertEqual(content[citation.start_index:citation.end_index],
                         "The vault opens at nine. [1]")
        self.assertEqual(citation.title, "Vault")
        self.assertTrue(content.endswith(f"**Sources**\n\n- [1] [Vault]({citation.url})"))
        with urllib.request.urlopen(citation.url) as shown:
            self.assertIn(b"opens at nine", shown.read())
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.usage.total_tokens, 77)
        self.assertTrue(answer.id.startswith("chatcmpl-"))

    def test_the_list_can_be_left_out(self):
        answer = self.ask(self.client(), metadata={"sources_footer": "off"})
        self.assertEqual(answer.choices[0].message.content, "".join(SAID))

    def test_pieces_come_with_usage_at_the_end(self):
        chunks = list(self.ask(self.client(), stream=True,
                               stream_options={"include_usage": True}))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
        text = "".join(delta.content or "" for delta in deltas)
        self.assertTrue(text.startswith("".join(SAID)))
        annotations = [one for delta in deltas for one in getattr(delta, "annotations", [])]
        [citation] = [one["url_citation"] for one in annotations]
        self.assertEqual(text[citation["start_index"]:citation["end_index"]],
                         "The vault opens at nine. [1]")
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")
        self.assertEqual((chunks[-1].choices, chunks[-1].usage.total_tokens), ([], 77))
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_the_client_s_own_helper_puts_a_stream_together(self):
        messages = [{"role": "user", "content": QUESTION}]
        with self.client().chat.completions.stream(model="lectern", messages=messages) as stream:
            whole = stream.get_final_completion()
        self.assertTrue(whole.choices[0].message.content.startswith("".join(SAID)))

    def test_a_conversation_and_wishes_reach_the_model(self):
        first = self.ask(self.client()).choices[0].message.content
        self.model.requests.clear()
        self.client().chat.completions.create(model="lectern", messages=[
            {"role": "system", "content": "Answer like a pirate."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": first},
            {"role": "user", "content": "And when does it close, the vault?"},
        ])
        sent = self.model.requests[-1]["messages"]
        self.assertIn("Answer like a pirate.", sent[0]["content"])
        self.assertEqual([message["content"] for message in sent[1:]],
                         [QUESTION, "".join(SAID), "And when does it close, the vault?"])

    def test_nothing_is_kept_unless_it_is_to_be(self):
        def kept():
            return self.service.call("GET", "/v1/conversations", ADA)["conversations"]

        before = len(kept())
        self.ask(self.client())
        self.assertEqual(len(kept()), before)
        self.ask(self.client(), store=True)
        self.assertEqual(len(kept()), before + 1)

    def test_an_answer_that_breaks_off_is_an_error(self):
        self.model.pieces, self.model.breaks = ["The vault "], True
        told = []
        with self.assertRaises(openai.APIError) as raised:
            for chunk in self.ask(self.client(), stream=True):
                told.append(chunk.choices[0].delta.content)
        self.assertEqual("".join(told), "The vault ")
        self.assertEqual(raised.exception.code, "model_broke_off")
        with self.assertRaises(openai.InternalServerError) as raised:
            self.ask(self.client())
        self.assertEqual((raised.exception.status_code, raised.exception.code),
                         (503, "model_broke_off"))

    def test_models_are_knowledge_bases(self):
        self.assertEqual([model.id for model in self.client().models.list()],
                         ["lectern", "personal"])
        self.assertEqual([model.id for model in self.client(BEN).models.list()], ["lectern"])
        self.assertEqual(self.client().models.retrieve("personal").owned_by, "lectern")
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client(BEN).models.retrieve("personal")
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_embeddings_are_the_same_in_both_forms(self):
        embeddings = self.client().embeddings
        texts = ["a door", "a vault"]
        packed = embeddings.create(model="any", input=texts)
        plain = embeddings.create(model="any", input=texts, encoding_format="float")
        self.assertEqual([len(one.embedding) for one in packed.data], [384, 384])
        for one, other in zip(packed.data, plain.data):
            for a, b in zip(one.embedding, other.embedding):
                self.assertAlmostEqual(a, b, places=6)
        self.assertEqual(packed.usage.total_tokens, plain.usage.total_tokens)

    def test_failures_are_the_client_s_own_errors(self):
        with self.assertRaises(openai.AuthenticationError) as raised:
            self.ask(self.client("sk-wrong"))
        self.assertEqual(raised.exception.code, "invalid_api_key")
        with self.assertRaises(openai.AuthenticationError):
            self.ask(self.client(token(1, lifetime=-3600)))
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client().chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": QUESTION}])
        self.assertEqual((raised.exception.code, raised.exception.param),
                         ("model_not_found", "model"))
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client().chat.completions.create(model="lectern", messages=[])
        self.assertEqual(raised.exception.param, "messages")
        hasty = token(3)
        with self.assertRaises(openai.RateLimitError) as raised:
            for _ in range(200):
                self.client(hasty).embeddings.create(model="any", input="x")
        self.assertEqual(raised.exception.code, "rate_limit_exceeded")
        self.assertGreaterEqual(int(raised.exception.response.headers["retry-after"]), 1)

    def langchain(self, **settings):
        return ChatOpenAI(model="lectern", base_url=f"{self.service.url}/v1", api_key=ADA,
                          max_retries=0, **settings)

    def test_langchain_asks_and_streams(self):
        said = "".join(SAID)
        history = [SystemMessage("Be brief."), HumanMessage(QUESTION), AIMessage(said),
                   HumanMessage("When does the vault open, again?")]
        answer = self.langchain().invoke(history)
        self.assertTrue(answer.content.startswith(said))
        self.assertEqual(answer.usage_metadata["total_tokens"], 77)
        chunks = list(self.langchain(stream_usage=True).stream(QUESTION))
        self.assertTrue("".join(chunk.text for chunk in chunks).startswith(said))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        self.assertEqual(whole.usage_metadata["total_tokens"], 77)

    def test_langchain_embeds(self):
        embeddings = OpenAIEmbeddings(model="any", base_url=f"{self.service.url}/v1",
                                      api_key=ADA, check_embedding_ctx_length=False)
        texts = [f"Text number {number}" for number in range(40)]
        vectors = embeddings.embed_documents(texts)
        self.assertEqual((len(vectors), len(vectors[0])), (40, 384))
        query = embeddings.embed_query(texts[7])
        self.assertAlmostEqual(sum(a * b for a, b in zip(query, vectors[7])), 1.0, places=4)


if __name__ == "__main__":
    unittest.main()

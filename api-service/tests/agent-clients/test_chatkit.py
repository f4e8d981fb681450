"""ChatKit: every request is made and every answer read by openai-chatkit's own types."""
import json
import unittest
from typing import Any

from chatkit.types import (Attachment, ChatKitReq, Page, Thread, ThreadItem, ThreadStreamEvent)
from pydantic import BaseModel, TypeAdapter

from service import LanguageModel, Service

REQUEST = TypeAdapter(ChatKitReq)
EVENT = TypeAdapter(ThreadStreamEvent)
ITEM = TypeAdapter(ThreadItem)
ATTACHMENT = TypeAdapter(Attachment)
BOUNDARY = "a-boundary-of-the-tests"


def form(file_name: str, content: str, kind: str) -> bytes:
    return (f"--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; "
            f"filename=\"{file_name}\"\r\ncontent-type: {kind}\r\n\r\n{content}\r\n"
            f"--{BOUNDARY}--\r\n").encode()


def nothing_left_over(read: BaseModel, sent: dict[str, Any]) -> None:
    """What was sent has no field that the types do not know, at any depth."""
    known = json.loads(read.model_dump_json(by_alias=True))

    def look(one: Any, other: Any, place: str) -> None:
        if isinstance(one, dict):
            for key, value in one.items():
                assert key in other, f"{place}.{key} is not known"
                look(value, other[key], f"{place}.{key}")
        elif isinstance(one, list):
            for number, value in enumerate(one):
                look(value, other[number], f"{place}[{number}]")

    look(sent, known, "")


class ChatKitTest(unittest.TestCase):
    service: Service
    model: LanguageModel

    @classmethod
    def setUpClass(cls) -> None:
        cls.model = LanguageModel()
        cls.addClassCleanup(cls.model.stop)
        cls.service = Service(LLM_BASE_URL=cls.model.url, LLM_MODEL="test")
        cls.addClassCleanup(cls.service.stop)
        cls.service.add("The vault opens at nine. It is tall.", "https://example.com/vault.md")

    def setUp(self) -> None:
        self.model.breaks = self.model.refuses = False

    def ask(self, kind: str, params: dict, name: str = "ada") -> tuple[int, str, bytes]:
        request = REQUEST.validate_python({"type": kind, "params": params})
        body = REQUEST.dump_json(request)
        return self.service.ask("POST", "/chatkit", body, name)

    def stream(self, kind: str, params: dict, name: str = "ada") -> list:
        status, content_type, body = self.ask(kind, params, name)
        self.assertEqual((status, content_type), (200, "text/event-stream"), body)
        read = []
        for block in body.decode().split("\n\n"):
            if block and not block.startswith(":"):
                self.assertTrue(block.startswith("data: "), block)
                sent = json.loads(block.removeprefix("data: "))
                event = EVENT.validate_python(sent)
                nothing_left_over(event, sent)
                read.append(event)
        return read

    def told(self, kind: str, params: dict, name: str = "ada") -> dict:
        status, content_type, body = self.ask(kind, params, name)
        self.assertEqual((status, content_type), (200, "application/json"), body)
        return json.loads(body)

    def create(self, text: str = "When does the vault open?", attachments: tuple = ()) -> list:
        return self.stream("threads.create", {"input": message(text, attachments)})

    def test_a_thread_begins_goes_on_and_is_answered_anew(self) -> None:
        events = self.create()
        kinds = [event.type for event in events]
        self.assertEqual(kinds[:5], ["thread.created", "thread.item.done", "stream_options",
                                     "progress_update", "thread.item.added"])
        self.assertEqual(kinds[-1], "thread.item.done")
        answer = events[-1].item
        [content] = answer.content
        self.assertEqual(content.text, "The vault opens at nine [1]. It is tall.")
        deltas = [event.update.delta for event in events if event.type == "thread.item.updated"
                  and event.update.type.endswith("text_delta")]
        self.assertEqual("".join(deltas), content.text)
        self.assertGreater(len(deltas), 1)
        [note] = content.annotations
        self.assertEqual(content.text[:note.index], "The vault opens at nine [1].")
        self.assertEqual((note.source.type, note.source.url), ("url", "https://example.com/vault.md"))
        added = [event.update.annotation for event in events if event.type == "thread.item.updated"
                 and event.update.type.endswith("annotation_added")]
        self.assertEqual(added, [note])

        thread, question = events[0].thread.id, events[1].item.id
        more = self.stream("threads.add_user_message",
                           {"thread_id": thread, "input": message("And what else of the vault?")})
        self.assertEqual(more[0].type, "thread.item.done")
        again = self.stream("threads.retry_after_item",
                            {"thread_id": thread, "item_id": question})
        self.assertEqual(again[0].type, "stream_options")
        kept = Thread.model_validate(self.told("threads.get_by_id", {"thread_id": thread}))
        self.assertEqual([item.id for item in kept.items.data], [question, again[-1].item.id])
        self.assertEqual(kept.items.data[1].content, again[-1].item.content)
        self.assertEqual(kept.title, "When does the vault open?")

    def test_threads_and_items_are_paged(self) -> None:
        name = "pages"
        threads = []
        for _ in range(3):
            events = self.stream("threads.create", {"input": message("vault?")}, name)
            threads.append(events[0].thread.id)
        seen, after = [], None
        while True:
            page = self.told("threads.list", {"limit": 2, "after": after}, name)
            page = Page[Thread].model_validate(page)
            seen.extend(thread.id for thread in page.data)
            after = page.after
            if not page.has_more:
                break
        self.assertEqual(seen, threads[::-1])
        asked = {"thread_id": threads[0], "limit": 1, "order": "desc"}
        page = Page[ThreadItem].model_validate(self.told("items.list", asked, name))
        self.assertEqual((page.data[0].type, page.has_more), ("assistant_message", True))
        asked = {"thread_id": threads[0], "order": "desc", "after": page.after}
        page = Page[ThreadItem].model_validate(self.told("items.list", asked, name))
        self.assertEqual([item.type for item in page.data], ["user_message"])
        self.assertFalse(page.has_more)

    def test_a_thread_is_renamed_rated_and_deleted(self) -> None:
        events = self.create()
        thread, ids = events[0].thread.id, [events[1].item.id, events[-1].item.id]
        renamed = self.told("threads.update", {"thread_id": thread, "title": "Vaults"})
        self.assertEqual(Thread.model_validate(renamed).title, "Vaults")
        for kind in ("positive", "negative"):
            asked = {"thread_id": thread, "item_ids": ids, "kind": kind}
            self.assertEqual(self.told("items.feedback", asked), {})
        _, kept = self.service.json("GET", f"/v1/conversations/{thread}")
        self.assertEqual(kept["messages"][1]["feedback"]["rating"], "down")
        self.assertEqual(self.told("threads.delete", {"thread_id": thread}), {})
        status, _, body = self.ask("threads.get_by_id", {"thread_id": thread})
        self.assertEqual((status, json.loads(body)["error"]["code"]),
                         (404, "conversation_not_found"))

    def test_files_are_attached_by_both_strategies(self) -> None:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        status, _, body = self.service.ask(
            "POST", "/chatkit/attachments",
            form("gate.md", "The gate opens at ten.", "text/markdown"), kind=kind)
        self.assertEqual(status, 200, body)
        direct = ATTACHMENT.validate_json(body)
        self.assertEqual((direct.name, direct.mime_type), ("gate.md", "text/markdown"))

        asked = {"name": "door.txt", "size": 23, "mime_type": "text/plain"}
        announced = ATTACHMENT.validate_python(self.told("attachments.create", asked))
        descriptor = announced.upload_descriptor
        self.assertIsNotNone(descriptor)
        status, _, body = self.service.ask(
            descriptor.method, str(descriptor.url),
            form("door.txt", "The door opens at noon.", "text/plain"), kind=kind)
        self.assertEqual(status, 200, body)
        self.assertEqual(ATTACHMENT.validate_json(body).id, announced.id)

        self.model.refuses = True
        events = self.create("When does the door open?", (direct.id, announced.id))
        question = events[1].item
        self.assertEqual([file.id for file in question.attachments], [direct.id, announced.id])
        self.assertEqual({file.thread_id for file in question.attachments}, {events[0].thread.id})
        [content] = events[-1].item.content
        self.assertIn("The door opens at noon.", content.text)
        self.assertNotIn("vault", content.text)
        self.assertEqual({note.source.filename for note in content.annotations}, {"door.txt"})
        for file in (direct, announced):
            self.assertEqual(self.told("attachments.delete", {"attachment_id": file.id}), {})
        status, _, _ = self.ask("attachments.delete", {"attachment_id": direct.id})
        self.assertEqual(status, 404)

    def test_a_model_that_is_down_or_breaks_off_is_told(self) -> None:
        self.model.refuses = True
        events = self.create()
        self.assertEqual([event.level for event in events if event.type == "notice"], ["warning"])
        self.assertIn("The vault opens at nine.", events[-1].item.content[0].text)
        self.model.refuses, self.model.breaks = False, True
        events = self.create()
        self.assertEqual([event.type for event in events[-2:]], ["thread.item.done", "error"])
        self.assertTrue(events[-1].allow_retry)
        thread = self.told("threads.get_by_id", {"thread_id": events[0].thread.id})
        kept = Thread.model_validate(thread).items.data
        self.assertEqual(kept[1].content[0].text, events[-2].item.content[0].text)

    def test_what_is_refused(self) -> None:
        events = self.create("  ")
        self.assertEqual([(event.type, event.allow_retry) for event in events],
                         [("error", False)])
        self.assertEqual(self.ask("threads.list", {}, name="")[0], 401)
        thread = self.create()[0].thread.id
        self.assertEqual(self.ask("threads.get_by_id", {"thread_id": thread}, "ben")[0], 404)
        action = {"thread_id": thread, "action": {"type": "x", "payload": {}}}
        for kind, params in [("threads.custom_action", action),
                             ("threads.add_client_tool_output", {"thread_id": thread, "result": 1}),
                             ("input.transcribe", {"audio_base64": "", "mime_type": "audio/webm"})]:
            self.assertEqual(self.ask(kind, params)[0], 422)


def message(text: str, attachments: tuple = ()) -> dict:
    return {"content": [{"type": "input_text", "text": text}], "attachments": list(attachments),
            "inference_options": {}}


if __name__ == "__main__":
    unittest.main()

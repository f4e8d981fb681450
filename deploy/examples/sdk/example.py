"""Signs in, brings a document in, asks about it, and reads an answer as it comes.

The packages lectern_auth and lectern_api are what `make sdk` leaves in target/sdk/python.
"""
import json
import os
import time

from lectern_api import AuthenticatedClient
from lectern_api.api.canonical import get_v1_jobs_id, post_v1_chat, post_v1_documents
from lectern_api.models import Answer, Document, Job, NewDocument, Question
from lectern_auth import Client
from lectern_auth.api.canonical import post_v1_sessions
from lectern_auth.models import Credentials, Grant

QUESTION = "When does the vault open?"

accounts = Client(base_url=os.environ["AUTH_URL"])
credentials = Credentials(email=os.environ["EMAIL"], password=os.environ["PASSWORD"])
grant = post_v1_sessions.sync(client=accounts, body=credentials)
assert isinstance(grant, Grant), grant
print(f"signed in as {grant.user.name}")

lectern = AuthenticatedClient(base_url=os.environ["API_URL"], token=grant.access_token)
new = NewDocument(text="# The vault\n\nThe vault opens at nine.", title="The vault")
document = post_v1_documents.sync(client=lectern, body=new)
assert isinstance(document, Document), document
job = document.job
while job.state not in ("ready", "failed", "cancelled"):
    time.sleep(0.2)
    job = get_v1_jobs_id.sync(job.id, client=lectern)
    assert isinstance(job, Job), job
print(f"{document.title} is {job.state}")

answer = post_v1_chat.sync(client=lectern, body=Question(message=QUESTION))
assert isinstance(answer, Answer), answer
assert "nine" in answer.response, answer.response
print(f"answered: {answer.response}")
for source in answer.sources:
    print(f"  [{source.number}] {source.title}")

# A generated function waits for the whole body, so a stream is read by the client below it.
body = Question(message=QUESTION).to_dict()
with lectern.get_httpx_client().stream("POST", "/v1/chat/stream", json=body) as stream:
    stream.raise_for_status()
    events = [line.removeprefix("data: ") for line in stream.iter_lines()
              if line.startswith("data: ")]
pieces = [event["text"] for event in map(json.loads, events) if event.keys() == {"text"}]
assert "nine" in "".join(pieces), events
print(f"streamed: {''.join(pieces)}")

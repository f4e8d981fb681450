"""What each frontend does, with the libraries that it uses and the requests of its document."""
import json
import time

import httpx
import requests

SECONDS = 30


def expect(truth, *seen):
    """Ends with all that was seen, unless something is true."""
    if not truth:
        raise AssertionError(seen)


def textbook(auth, api):
    """The textbook: a question to the book, with and without an account."""
    health = requests.get(f"{api}/health", timeout=SECONDS).json()
    expect(health["status"] in ("healthy", "degraded") and "dependencies" in health, health)
    query = {"query": "What is Physical AI?", "max_results": 5}
    told = requests.post(f"{api}/chat", json=query, timeout=SECONDS)
    answer = told.json()
    expect(told.status_code == 200 and answer["query"] == query["query"], answer)
    expect("acts through a body" in answer["response"], answer)
    expect(set(answer["sources"][0]) >= {"id", "title", "path", "score"}, answer)
    account = {"email": "test@example.com", "password": "test123", "name": "Test User"}
    signed_up = requests.post(f"{auth}/auth/signup", json=account, timeout=SECONDS).json()
    expect(signed_up["token_type"] == "bearer" and signed_up["user"]["id"], signed_up)
    bearer = {"Authorization": f"Bearer {signed_up['access_token']}"}
    me = requests.get(f"{auth}/auth/me", headers=bearer, timeout=SECONDS).json()
    expect(me["email"] == "test@example.com", me)
    told = requests.post(f"{api}/chat", json=query, headers=bearer, timeout=SECONDS)
    expect(told.status_code == 200, told.text)
    refused = requests.post(f"{api}/ingest", json={"documents": []}, headers=bearer,
                            timeout=SECONDS)
    expect(refused.status_code == 403 and refused.json()["detail"], refused.text)


def au_guru(_auth, api):
    """AU-GURU's ApiClient: a session that goes on, its history, its reset."""
    base = f"{api}/api/v1"
    first = httpx.post(f"{base}/chat/", json={"message": "What is Physical AI?"})
    expect(first.status_code == 200, first.text)
    session = first.json()["session_id"]
    body = {"message": "How does it act?", "session_id": session}
    second = httpx.post(f"{base}/chat/", json=body, timeout=SECONDS).json()
    expect(second["session_id"] == session and second["response"] and second["timestamp"], second)
    history = httpx.get(f"{base}/chat/{session}/history").json()
    roles = [message["role"] for message in history]
    expect(roles == ["user", "assistant"] * 2, history)
    reset = httpx.delete(f"{base}/chat/{session}")
    expect(reset.status_code == 200 and reset.json(), reset.text)
    expect(httpx.get(f"{base}/chat/{session}/history").status_code == 404)


def streamlit(auth, api):
    """The multi-user component: register, sign in by a form, upload, wait, ask, delete."""
    user = {"username": "testuser", "email": "testuser@example.com", "password": "password123"}
    registered = requests.post(f"{auth}/auth/register", json=user, timeout=SECONDS)
    expect(registered.status_code == 200 and registered.json()["username"] == "testuser",
           registered.text)
    again = requests.post(f"{auth}/auth/register", json=user, timeout=SECONDS)
    expect(again.status_code == 400, again.text)
    expect(again.json() == {"detail": "Username already registered"}, again.text)
    form = {"username": "testuser", "password": "password123"}
    token = requests.post(f"{auth}/auth/token", data=form, timeout=SECONDS).json()["access_token"]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    files = {"file": ("pump.txt", b"The pump needs oil every week.", "text/plain")}
    uploaded = session.post(f"{api}/chat/upload", files=files, data={"title": "Pump"}).json()
    expect(uploaded["is_processed"] is False and uploaded["title"] == "Pump", uploaded)
    document = f"{api}/chat/documents/{uploaded['id']}"
    end = time.monotonic() + SECONDS
    while not session.get(document).json()["is_processed"]:
        expect(time.monotonic() < end, "it was never processed")
        time.sleep(0.1)
    body = {"query": "How often does the pump need oil?", "session_id": "my-tab"}
    answer = session.post(f"{api}/api/v1/chat/query", json=body).json()
    expect("every week" in answer["answer"] and answer["session_id"] == "my-tab", answer)
    expect(answer["sources"], answer)
    expect(session.post(f"{api}/chat/query", json={"query": ""}).status_code == 422)
    expect(len(session.get(f"{api}/chat/sessions").json()) == 1)
    expect(session.delete(document).status_code == 200)
    expect(session.get(f"{api}/chat/documents").json() == [])


def two_services(auth, api):
    """Better Auth's cookie, the JWT that it buys, and a question with that."""
    account = {"email": "user@example.com", "password": "SecurePassword123", "name": "John Doe",
               "softwareBackground": "Intermediate", "hardwareBackground": "Beginner",
               "interestArea": "AI"}
    with httpx.Client() as browser:
        signed_up = browser.post(f"{auth}/api/auth/sign-up/email", json=account)
        expect(signed_up.status_code == 200, signed_up.text)
        expect(signed_up.json()["user"]["hardwareBackground"] == "Beginner", signed_up.text)
        told = browser.get(f"{auth}/api/auth/jwt").json()
    expect(told["user"]["email"] == "user@example.com", told)
    bearer = {"Authorization": f"Bearer {told['token']}"}
    question = {"message": "What is Physical AI?"}
    for answer in (httpx.post(f"{api}/v1/chat", json=question, headers=bearer),
                   httpx.get(f"{api}/v1/chat", params=question, headers=bearer)):
        expect(answer.status_code == 200, answer.text)
        expect(set(answer.json()) >= {"response", "sources", "processing_time_ms"}, answer.text)
    for origin, name in ((auth, "auth-service"), (api, "api-service")):
        health = httpx.get(f"{origin}/health").json()
        expect((health["status"], health["service"]) == ("healthy", name), health)


def agent(auth, api):
    """The agent backend: an account, an answer at once, one as it comes, conversations."""
    account = {"email": "agent@example.com", "password": "securepassword123"}
    registered = httpx.post(f"{auth}/api/v1/auth/register", json=account)
    expect(registered.status_code == 201 and registered.json()["created_at"], registered.text)
    login = httpx.post(f"{auth}/api/v1/auth/login", json=account).json()
    expect(login["user_id"] == registered.json()["id"], login)
    bearer = {"Authorization": f"Bearer {login['access_token']}"}
    message = {"message": {"content": "What is Physical AI?", "user_id": login["user_id"],
                           "metadata": {"context": "full-book"}}}
    answer = httpx.post(f"{api}/api/v1/chat", json=message, headers=bearer).json()["response"]
    expect(answer["status"] == "success" and answer["message_id"] and answer["timestamp"], answer)
    for headers in (bearer, {}):
        with httpx.stream("POST", f"{api}/api/v1/chat/stream", json=message, headers=headers,
                          timeout=SECONDS) as told:
            expect(told.headers["content-type"].startswith("text/event-stream"), told.headers)
            lines = [line for line in told.iter_lines() if line.startswith("data: ")]
        events = [json.loads(line.removeprefix("data: ")) for line in lines]
        whole = "".join(event["content"] for event in events if event["status"] == "partial")
        expect(events[-1] == {"content": whole, "status": "success"}, events)
    listed = httpx.get(f"{api}/api/v1/conversations", headers=bearer).json()
    expect(len(listed) == 2, listed)
    one = f"{api}/api/v1/conversations/{listed[0]['id']}"
    expect(len(httpx.get(one, headers=bearer).json()["messages"]) == 2)
    expect(httpx.delete(one, headers=bearer).status_code == 200)
    expect(httpx.get(one, headers=bearer).status_code == 404)


def run(auth, api):
    """Lets each do its work; prints a line for each."""
    for frontend in (textbook, au_guru, streamlit, two_services, agent):
        frontend(auth, api)
        print(f"frontends: {frontend.__name__} ok")

"""A local server that speaks the chat protocol of OpenAI, for tests of the judge."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HANG, DRIBBLE, DRIBBLE_HEADERS, FLOOD, FLOOD_OF_AN_ERROR = (object() for _ in range(5))


def reply(content, usage=(30, 12)):
    """A chat completion as a server sends it."""
    return {
        "id": "1", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": usage and {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }  # fmt: skip


class Server(ThreadingHTTPServer):
    """Its `answer(request)` says what it sends: a body, (status, body), (status, body, headers), or HANG; or, for ever,
    a few bytes at a time (DRIBBLE, DRIBBLE_HEADERS) or as many as the client takes (FLOOD, FLOOD_OF_AN_ERROR)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.lock, self.over = [], threading.Lock(), threading.Event()
        self.answer: Any = lambda request: reply('{"score": 1}')
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append((self.path, self.headers.get("Authorization"), request))
            answer = self.server.answer(request)
        if answer is HANG:
            self.server.over.wait(30)
            return
        if answer in (DRIBBLE, DRIBBLE_HEADERS):
            self.dribble(headers=answer is DRIBBLE_HEADERS)
            return
        if answer in (FLOOD, FLOOD_OF_AN_ERROR):
            self.flood("200 OK" if answer is FLOOD else "400 Bad Request")
            return
        status, body, *headers = answer if isinstance(answer, tuple) else (200, answer)
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **dict(*headers)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def dribble(self, *, headers):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        if not headers:
            self.wfile.write(b"Content-Length: 1000000\r\n\r\n")
        try:
            while not self.server.over.wait(0.01):
                self.wfile.write(b"a: b\r\n" if headers else b" ")
        except OSError:  # the client has gone
            return

    def flood(self, status):
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n".encode())
        try:
            while not self.server.over.is_set():
                self.wfile.write(b" " * 2**16)
        except OSError:  # the client has gone
            return

    def log_message(self, format, *args):
        """Nothing, so that the tests' output stays readable."""


@pytest.fixture
def server():
    """A running one; its `requests` are what it was asked."""
    built = Server()
    threading.Thread(target=built.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield built
    built.over.set()
    built.shutdown()
    built.server_close()

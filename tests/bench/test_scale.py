"""The reader waits as long as it says, and the end of scheduling is the end."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
scale = importlib.import_module("scale")


@pytest.fixture
def server():
    """A server whose jobs end a while after they were submitted, and that is slow once."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        puts, due, slow = 0, 0.0, threading.Event()

        def do_PUT(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            Handler.puts += 1
            Handler.due = time.monotonic() + 0.1
            self.answer({})

        def do_GET(self):
            if self.path == "/read" and Handler.slow.is_set():
                Handler.slow.clear()
                time.sleep(0.1)
            state = "Completed" if time.monotonic() > Handler.due else "Running"
            self.answer({"Items": [{"State": {"StateType": state}}]})

        def answer(self, body):
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            """Nothing to show."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", Handler
        listening.shutdown()


def test_jobs_that_still_run_are_waited_for(server):
    """The time of accepting jobs would be shown as that of scheduling them."""
    url, seen = server
    assert scale.schedule(f"{url}/jobs", b"{}", 5) >= 0.1
    assert seen.puts == 5


def test_the_longest_wait_of_a_reader_is_seen(server):
    """A server that nobody can ask would look responsive."""
    url, seen = server
    with scale.Reader(f"{url}/read") as reader:
        seen.slow.set()
        while seen.slow.is_set() or len(reader.waits) < 3:
            time.sleep(0.01)
    assert max(reader.waits) >= 0.1

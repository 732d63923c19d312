"""An HTTP proxy in front of an S3 server that counts requests, holds them back and breaks them."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
UPSTREAM_SECONDS = 60

BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


def forward(_handler, send):
    send()


def busy(handler, _send):
    """Answers as S3 does when there are too many requests."""
    handler.answer(503, {"Content-Type": "application/xml"}, BUSY)


def cut(handler, send):
    """Ends the connection in the middle of the body."""
    send(cut=True)


class S3Proxy:
    """`rule` decides what happens with a request: it gets the handler, with `command` and `path`,
    and a function that forwards it. The Host header is passed on, because it is signed."""

    def __init__(self, endpoint, rule=forward):
        self.upstream = urlsplit(endpoint).netloc
        self.rule = rule
        self.requests = []
        proxy = self

        class Handler(_Handler):
            def handle_one(self):
                proxy.requests.append((self.command, self.path))
                proxy.rule(self, lambda cut=False: self.forward(proxy.upstream, cut))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def flags(self):
        return ["--set", f"storage.s3.endpoint={self.endpoint}"]

    def reads(self, name):
        """How often an object, whose key ends like this, was read."""
        paths = [urlsplit(path).path for method, path in list(self.requests) if method == "GET"]
        return sum(path.endswith(name) for path in paths)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Gate:
    """A rule that holds back reads of objects whose key ends with `name`."""

    def __init__(self, name):
        self.name = name
        self.opened = threading.Event()
        self.reached = threading.Event()

    def __call__(self, handler, send):
        if handler.command == "GET" and urlsplit(handler.path).path.endswith(self.name):
            self.reached.set()
            assert self.opened.wait(UPSTREAM_SECONDS), f"nobody let {self.name} through"
        send()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        raise NotImplementedError

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        try:
            self.handle_one()
        except OSError:
            self.close_connection = True  # The client is gone, or the server.

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def forward(self, upstream, cut):
        reply = self._ask(upstream)
        half = len(reply.body) // 2 if cut else None
        self.answer(reply.status, reply.headers, reply.body, half)

    def _ask(self, upstream):
        connection = http.client.HTTPConnection(upstream, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            if self.body:
                connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body or None)
            reply = connection.getresponse()
            length = reply.getheader("Content-Length") if self.command == "HEAD" else None
            headers = {k: v for k, v in reply.getheaders() if k.lower() not in HOP_BY_HOP}
            if length:
                headers["Content-Length"] = length
            return SimpleNamespace(status=reply.status, headers=headers, body=reply.read())
        finally:
            connection.close()

    def answer(self, status, headers, body, n_sent=None):
        """Answers; only with `n_sent` bytes of the body, and an end, when it is given."""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:n_sent] if n_sent is not None else body)
        self.wfile.flush()
        if n_sent is not None:
            self.close_connection = True

    def log_message(self, *_):
        pass

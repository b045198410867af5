"""A web server on loopback that serves what a test puts into it, and small manifests with all that is looked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.sources.release import CORE, CRDS, KOURIER, Asset


@dataclass
class Page:
    """An answer. promised: Content-Length if it is to differ from the body's. stall: waits there until the server ends."""

    body: bytes
    status: int = 200
    promised: int | None = None
    stall: bool = False


@dataclass
class Site:
    """pages by path; asked: every path in the order asked."""

    base: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def put(self, asset: Asset, tag: str, page: Page | str) -> str:
        """Serve a release's file; answers with its address."""
        url = asset.url(self.base, tag)
        self.pages[url.removeprefix(self.base)] = page if isinstance(page, Page) else Page(page.encode())
        return url

    def release(self, tag: str) -> None:
        """Serve a whole release."""
        for asset in (CRDS, CORE, KOURIER):
            self.put(asset, tag, whole(asset))


def whole(asset: Asset) -> str:
    """The smallest manifest that has everything the asset must have."""
    return "---\n".join(f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n" for kind, name in asset.needed)


@contextmanager
def serving() -> Iterator[Site]:
    """A running server for the block."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            page = site.pages.get(self.path, Page(b"<html>not found</html>", status=404))
            self.send_response(page.status)
            self.send_header("Content-Length", str(page.promised if page.promised is not None else len(page.body)))
            self.end_headers()
            if page.stall:
                self.wfile.flush()
                site.over.wait(30)
            self.wfile.write(page.body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""Open-loop clients as a competent user writes them with httpx and aiohttp: a schedule fixed beforehand, one task a request.

    python -m tests.bench.clients httpx PORT RATE SECONDS OUT

OUT gets one row a request, five int64: seq, intended, sent and done in UTC ns, status (0: the library raised an error).
No limit on connections, no retries of our own, 30 s for each request; everything else is the library's default.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Get = Callable[[str], Awaitable[int]]
"""Ask for this URL; answers with the status, 0 for an error."""

LEAD_S = 0.2
"""The first request is due so long after the start."""


async def drive(get: Get, port: int, rate: float, seconds: float) -> array[int]:
    """Send at t0 + k/rate, whatever becomes of earlier requests, and wait for all of them."""
    rows: array[int] = array("q")
    count = int(rate * seconds)
    begin = time.monotonic() + LEAD_S
    offset = time.time_ns() - time.monotonic_ns()
    tasks: set[asyncio.Task[None]] = set()

    async def one(seq: int, due: float) -> None:
        sent = time.monotonic_ns()
        status = await get(f"http://127.0.0.1:{port}/?rid=bench-0-{seq}")
        rows.extend((seq, int(due * 1e9) + offset, sent + offset, time.time_ns(), status))

    for seq in range(count):
        due = begin + seq / rate
        if (wait_s := due - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(one(seq, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)
    return rows


async def with_httpx(port: int, rate: float, seconds: float) -> array[int]:
    """One AsyncClient for all."""
    httpx: Any = importlib.import_module("httpx")
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=30.0, trust_env=False) as client:

        async def get(url: str) -> int:
            try:
                return int((await client.get(url)).status_code)
            except httpx.HTTPError:
                return 0

        return await drive(get, port, rate, seconds)


async def with_aiohttp(port: int, rate: float, seconds: float) -> array[int]:
    """One ClientSession for all."""
    aiohttp: Any = importlib.import_module("aiohttp")
    timeout = aiohttp.ClientTimeout(total=30.0)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:

        async def get(url: str) -> int:
            try:
                async with session.get(url) as answer:
                    await answer.read()
                    return int(answer.status)
            except (aiohttp.ClientError, TimeoutError):
                return 0

        return await drive(get, port, rate, seconds)


CLIENTS = {"httpx": with_httpx, "aiohttp": with_aiohttp}


def main() -> None:
    """One run of one library."""
    library, port, rate, seconds, out = sys.argv[1:]
    rows = asyncio.run(CLIENTS[library](int(port), float(rate), float(seconds)))
    with Path(out).open("wb") as file:
        rows.tofile(file)


if __name__ == "__main__":
    main()

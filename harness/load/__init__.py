"""Open-loop load from a process of its own: `python -m harness.load SPEC.json`.

    schedule   when each request is due and on which lane (pure)      spec      what the generator is told
    wire       one HTTP/1.1 request out, one answer in (pure)         outcome   what an OSError means (pure)
    pacing     how late the generator was (pure)                      retry     which attempt is followed by another (pure)
    book       what becomes of each request                           records   the map of records and the table of answers
    http1, h2c the lanes                                              connection  opening and watching sockets
    timer, host  the kernel's side: absolute timer, pinning, CPU      engine    the loop that sends and receives
    process    the harness's side: start it, look at it, end it

Everything but `process` runs inside the generator and imports the standard library, `harness.model`, `harness.knative` and
`harness.apps` only (h2c also its library, and only where a plan has that lane), so that the generator starts fast and nothing else
lives in its process. Nothing is imported here for the same reason.
"""

"""The access log of the ingress, Envoy in its default format: one line for each request, when it is over.

Kourier writes it unless `enable-service-access-logging` in config-kourier is "false". The path keeps the query, in which the
generator's HTTP/1.1 and HTTP/2 lanes name the request. Source: Envoy's documentation of the default format string; net-kourier
v0.48.0 and v0.50.0, `pkg/envoy/api/http_connection_manager.go`.
"""

from __future__ import annotations

LINE = (
    r'^\[[^\]]+\] "[A-Z]+ [^ "]*[?&]rid=(?P<rid>[A-Za-z0-9_.~-]+)(?:&[^ "]*)? HTTP/[0-9.]+" '
    r"(?P<status>[0-9]{3}) (?P<flags>[A-Za-z,-]+) [0-9]+ [0-9]+ (?P<duration_ms>[0-9]{1,9}) "
)
"""A line of a request that has an id, up to its duration: whole milliseconds from its first byte to the last one of the answer."""

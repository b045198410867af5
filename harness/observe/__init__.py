"""Watches pods, EndpointSlices, events, logs and journals -> Observation, Gap. May touch adapters; knows no other stage."""

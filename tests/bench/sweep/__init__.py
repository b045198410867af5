"""The sweep behind the advice on probes: what a restart costs under designed configurations, and a model checked on some."""

"""A Knative version from its release, its Go module or a checkout -> Provision. May touch adapters; knows no other stage."""

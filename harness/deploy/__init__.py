"""A Knative Service on the cluster and its fresh pods -> Target. May touch adapters; knows no other stage."""

"""`python -m harness` is `knative-chaos`."""

from harness.cli import main

main()

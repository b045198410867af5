"""The commands of `knative-chaos`: thin, one file for each larger one."""

from harness.cli.commands import app, main, report_command

__all__ = ["app", "main", "report_command"]

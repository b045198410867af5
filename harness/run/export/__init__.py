"""A scenario as plain YAML and a shell script, for somebody who has kubectl and curl and not this harness. Pure but for `write`.

What is done by kubectl stands in each fault's own file (`Fault.by_hand`); a scenario whose fault, course or workload has nothing of
that kind is refused.
"""

from harness.run.export.reproduction import PUBLIC_IMAGE, SCRIPT, SERVICE, Exported, export, write

__all__ = ["PUBLIC_IMAGE", "SCRIPT", "SERVICE", "Exported", "export", "write"]

"""Which engine does the command line ask for?"""

import re
from importlib.util import find_spec

from scorer.engines.engine import Engine
from scorer.engines.local import Plain, Processes
from scorer.engines.ray import Ray
from scorer.errors import ConfigError, UsageError, to_install

ADDRESS = re.compile(r"auto|[^\s/]+:\d{1,5}")


def choose(name: str, *, address: str | None, workers: int | None) -> Engine:
    """The engine of that name, local or ray. Raises UsageError for an address of no use, ConfigError where Ray is not installed."""
    if name != "ray":
        if address is not None:
            raise UsageError("--ray-address is for --engine ray: give both, or neither")
        return Processes(workers) if workers and workers > 1 else Plain()
    if address is not None and not ADDRESS.fullmatch(address):
        raise UsageError(f"--ray-address {address}: give host:port, or auto, and run the command on a machine of the cluster")
    if not find_spec("ray"):
        raise ConfigError(f"--engine ray needs Ray, which is not installed: {to_install('ray')}")
    return Ray(address, workers)

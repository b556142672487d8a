"""Which engine does the command line ask for?"""

from importlib.util import find_spec

from scorer.engines.engine import Engine
from scorer.engines.local import Plain, Processes
from scorer.engines.ray import Ray
from scorer.errors import ConfigError


def choose(name: str, *, address: str | None, workers: int | None) -> Engine:
    """The engine of that name, local or ray. Raises ConfigError where Ray is asked for and not installed."""
    if name != "ray":
        if address:
            raise ConfigError("--ray-address is for --engine ray: give both, or neither")
        return Processes(workers) if workers and workers > 1 else Plain()
    if not find_spec("ray"):
        raise ConfigError("--engine ray needs Ray, which is not installed: pip install 'scorer[ray]'")
    if address and "://" in address:
        raise ConfigError(f"--ray-address {address}: give host:port, or auto, and run the command on a machine of the cluster")
    return Ray(address, workers)

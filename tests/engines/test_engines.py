from collections.abc import Iterator
from pathlib import Path

import pytest
from nights import ROOT, leftovers, published, small_shards, write_night

from scorer.engines.choose import choose
from scorer.engines.engine import Engine
from scorer.errors import ConfigError
from scorer.pipeline import score_night

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # what Ray leaves open is not ours


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_night(tmp_path_factory.mktemp("night") / "night")


@pytest.fixture(scope="module")
def plain(night: Path, tmp_path_factory: pytest.TempPathFactory, keyword_folder: Path) -> dict[str, str]:
    return score(night, tmp_path_factory.mktemp("plain") / "out", keyword_folder, None)


def score(night: Path, out: Path, model: Path, engine: Engine | None) -> dict[str, str]:
    config = small_shards(out.parent)
    rubric = ROOT / "configs/rubric.yaml"
    score_night([str(night)], out=out, config=config, rubric=rubric, model=model, progress=lambda *_: None, engine=engine)
    assert leftovers(out) == []
    return published(out)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    import ray
    from ray.cluster_utils import Cluster

    store = 80 << 20
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": store, "include_dashboard": False})
    found.add_node(num_cpus=1, object_store_memory=store)
    yield found.address
    ray.shutdown()
    found.shutdown()


def test_processes_give_the_same_bytes(night: Path, plain: dict[str, str], tmp_path: Path, keyword_folder: Path) -> None:
    assert score(night, tmp_path / "out", keyword_folder, choose("local", address=None, workers=2)) == plain


def test_a_cluster_of_two_nodes_gives_the_same_bytes(
    night: Path, plain: dict[str, str], tmp_path: Path, keyword_folder: Path, cluster: str
) -> None:
    assert score(night, tmp_path / "out", keyword_folder, choose("ray", address=cluster, workers=2)) == plain


def test_an_address_without_the_engine_is_refused() -> None:
    with pytest.raises(ConfigError, match="--engine ray"):
        choose("local", address="auto", workers=None)

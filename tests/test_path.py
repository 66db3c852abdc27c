"""The main job over the embedded log."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.path_contract import Env, PathContract, pipelines
from tests.redis_server import one_kind
from wirewatch.settings import Settings


# Redis and Valkey differ in no more than what tests/consumers/ runs on both: the scripts, the stores and their readers.
@pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)
class TestEmbeddedPath(PathContract):
    @pytest.fixture
    def env(self, tmp_path: Path, redis_url: str) -> Env:
        models = str(pipelines(tmp_path / "models"))
        return {"WIREWATCH_DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "WIREWATCH_MODELS_DIR": models}

    @pytest.fixture
    def settings(self, tmp_path: Path, redis_url: str) -> Settings:
        return Settings(data_dir=tmp_path, redis_url=SecretStr(redis_url))

"""Shared by all tests: Hypothesis profiles and the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# deadline: the first call of a network compiles kernels; derandomize: a red build is red again
settings.register_profile(
    "fast",
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data that ANYGRAM_DATA names; skips with a reason without it."""
    folder = os.environ.get("ANYGRAM_DATA")
    if not folder:
        pytest.skip("needs real data: set ANYGRAM_DATA to a folder that holds it")
    return Path(folder)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model that learns from the file alone be a small one."""
    from anygram import models
    from anygram.tasks.compression import ends
    from tests import toy_tally

    real = models.REGISTRY.load
    monkeypatch.setattr(models.REGISTRY, "load", lambda name: toy_tally if name == ends.ALONE else real(name))

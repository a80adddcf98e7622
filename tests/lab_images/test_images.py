# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""images.yml, the folders it names and the stacks that use its names agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

LAB = Path(__file__).parents[2] / "lab"
IMAGES: list[dict[str, Any]] = yaml.safe_load((LAB / "images/images.yml").read_text(encoding="utf-8"))
STACKS = sorted(LAB.glob("stacks/*/docker-compose.yml"))


def test_a_name_is_listed_once() -> None:
    names = [image["name"] for image in IMAGES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: str(image["name"]))
def test_a_build_has_a_dockerfile_that_knows_its_arguments(image: dict[str, Any]) -> None:
    dockerfile = (LAB / "images" / image["build"] / "Dockerfile").read_text(encoding="utf-8")
    assert 'org.opencontainers.image.title="' in dockerfile
    assert "/STAND-IN" in dockerfile
    for name in image.get("args", {}):
        assert f"ARG {name}" in dockerfile


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: path.parent.name)
def test_every_image_of_a_stack_can_be_pulled_in_the_lab(stack: Path) -> None:
    services = yaml.safe_load(stack.read_text(encoding="utf-8"))["services"]
    assert {service["image"] for service in services.values()} <= {image["name"] for image in IMAGES}

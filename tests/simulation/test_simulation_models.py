"""Statistical promises over several models, kept in simulated worlds with fixed seeds."""

from __future__ import annotations

import pytest
from simulated_models import WORLDS, ModelWorld, many

pytestmark = pytest.mark.slow

HALF = 0.025
"""Half of the significance level: what may ship wrongly, and what may harm a model unseen."""

BY_NAME = {world.name: world for world in WORLDS}


@pytest.mark.parametrize("world", WORLDS[:3], ids=lambda w: w.name)
def test_more_models_never_ship_more_of_what_is_not_better(world: ModelWorld):
    """With nothing better on any model, at most half the significance level ships."""
    told = many(world, 1500)

    assert told.ships <= told.alone
    assert told.ships / told.trials <= HALF + 3 * (HALF * (1 - HALF) / told.trials) ** 0.5


@pytest.mark.parametrize("name", ["+10 on 6 of 7, -5 on one", "+10 on 6 of 7, -10 on one"])
def test_a_model_that_loses_five_points_is_seldom_released_to(name: str):
    """What harms one of seven models by the margin or more ships at most half the level of the time."""
    told = many(BY_NAME[name], 500)

    assert told.alone / told.trials > 0.8
    assert told.ships / told.trials <= HALF + 3 * (HALF * (1 - HALF) / told.trials) ** 0.5


def test_a_gain_that_carries_over_is_hardly_lost():
    """Of what the first model ships, six more models with the same gain of 10 points stop 1 in 50 at most."""
    told = many(BY_NAME["+10 on each of 7"], 400)

    assert told.ships >= 0.98 * told.alone


def test_the_mean_over_models_is_covered():
    """The interval of the mean holds it in about 95 of 100 cycles although all models share their cases."""
    told = many(BY_NAME["nothing is better, 7 models"], 1500)

    assert 0.93 <= told.covered <= 0.97
    assert told.differs <= 0.07

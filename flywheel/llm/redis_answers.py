"""Kept answers in Redis, shared by many machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import redis

from flywheel.errors import StoreUnreachable

PREFIX = "flywheel:answer:"


class RedisAnswers:
    """An AnswerStore in Redis; answers leave by themselves when they are too old.

    Args:
        url: `redis://HOST:PORT/DB`, `rediss://` for TLS.
        keep_hours: age at which Redis drops an answer.
    """

    def __init__(self, url: str, keep_hours: float) -> None:
        self._seconds = max(1, int(keep_hours * 3600))
        self._redis = redis.Redis.from_url(
            url, socket_timeout=2.0, socket_connect_timeout=2.0, decode_responses=True
        )

    def get_many(self, keys: Sequence[str], since: datetime) -> dict[str, str]:
        """The answers there are, by key; those older than the moment are left out.

        Raises:
            StoreUnreachable: Redis does not answer.
        """
        try:
            found = self._redis.mget([PREFIX + key for key in keys])
        except redis.RedisError as error:
            raise _unreachable(error) from error
        answers = {}
        for key, kept in zip(keys, found, strict=True):
            moment, _, answer = str(kept or "").partition(" ")
            if kept is not None and datetime.fromisoformat(moment) >= since:
                answers[key] = answer
        return answers

    def put_many(self, answers: Mapping[str, str], now: datetime) -> None:
        """Keep answers by key in one transaction; a newer one replaces an older one.

        Raises:
            StoreUnreachable: Redis does not answer.
        """
        try:
            with self._redis.pipeline() as together:
                for key, answer_json in answers.items():
                    together.set(PREFIX + key, f"{now.isoformat()} {answer_json}", ex=self._seconds)
                together.execute()
        except redis.RedisError as error:
            raise _unreachable(error) from error

    def drop_before(self, moment: datetime) -> int:  # noqa: ARG002 - Redis drops them by itself
        """Nothing to do: answers leave Redis at their age."""
        return 0

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()


def _unreachable(error: redis.RedisError) -> StoreUnreachable:
    return StoreUnreachable(
        f"Redis does not answer: {error}. Models are asked instead; nothing was kept there. "
        "Check the address, or take redis_url_env out of the models file."
    )

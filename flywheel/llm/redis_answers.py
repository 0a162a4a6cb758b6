"""Kept answers in Redis, shared by many machines."""

from __future__ import annotations

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

    def get(self, key: str, since: datetime) -> str | None:
        """The answer of a key, None when there is none or it is older than the moment.

        Raises:
            StoreUnreachable: Redis does not answer.
        """
        try:
            found = self._redis.get(PREFIX + key)
        except redis.RedisError as error:
            raise _unreachable(error) from error
        if found is None:
            return None
        moment, _, answer = str(found).partition(" ")
        return answer if datetime.fromisoformat(moment) >= since else None

    def put(self, key: str, answer_json: str, now: datetime) -> None:
        """Keep an answer; a newer one replaces an older one.

        Raises:
            StoreUnreachable: Redis does not answer.
        """
        try:
            self._redis.set(PREFIX + key, f"{now.isoformat()} {answer_json}", ex=self._seconds)
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

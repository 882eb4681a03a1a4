"""What a law raises."""

from __future__ import annotations

from sim.errors import GridhaulError


class Broken(GridhaulError):
    """A law is broken; the message names law and controller.

    Attributes
    ----------
    law
        Which one: the word the message begins with.
    period
        In which period it shows first, None where that cannot be said.
    """

    def __init__(self, message: str, *, period: int | None = None) -> None:
        super().__init__(message)
        self.law = message.partition(":")[0]
        self.period = period

"""The trainings that a process of the laboratory holds, by name, and what it answers."""

from __future__ import annotations

from typing import Any

from .digits import Digits
from .settings import Settings
from .training import Diverged, Training, real

SLICE = 0.04  # seconds of training for an answer
MOST = 400  # steps of it
DIGITS_SLICE = 1.0


class Bench:
    """Only the app asks it, and what comes from a browser was read by then."""

    def __init__(self) -> None:
        self.trainings: dict[str, Training | Digits] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"do": "real" | "points" | "digits" | "keep" | "end", ...} -> what the page is told, or {"error": a line}."""
        name = request.get("name", "")
        try:
            match request["do"]:
                case "real":
                    return {"real": real(request["data"])}
                case "points":
                    return self.points(name, request)
                case "digits":
                    return self.digits(name, request)
                case "keep":
                    training = self.trainings.get(name)
                    if not isinstance(training, Digits):
                        raise ValueError("nothing is trained yet that could be kept")
                    return {"path": str(training.keep())}
                case do:
                    assert do == "end"
                    self.end(name)
                    return {}
        except (ValueError, OSError, Diverged) as error:
            self.end(name)
            return {"error": str(error)}

    def points(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Steps of a training of points, which begins when it is first asked for; a frame."""
        if name not in self.trainings:
            self.trainings[name] = Training(Settings(**request["settings"]))
        training = self.trainings[name]
        assert isinstance(training, Training)
        if request["steps"]:
            training.play(SLICE, min(request["steps"], MOST), request["who"])
        return training.frame()

    def digits(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """The same of digits."""
        if name not in self.trainings:
            self.trainings[name] = Digits(request["seed"])
        training = self.trainings[name]
        assert isinstance(training, Digits)
        training.play(DIGITS_SLICE)
        return training.frame()

    def end(self, name: str) -> None:
        """Forget a training, if there is one of that name."""
        training = self.trainings.pop(name, None)
        if isinstance(training, Digits):
            training.close()

    def close(self) -> None:
        """Forget all."""
        for name in [*self.trainings]:
            self.end(name)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.data import jit


def refusing(message: str) -> Callable[..., Callable[[Any], Any]]:
    """A compiler that fails where it is to keep its code."""

    def njit(signature: str, **options: Any) -> Callable[[Any], Any]:
        def compile_it(function: Any) -> Any:
            if options.get("cache"):
                raise RuntimeError(message)
            return function

        return compile_it

    return njit


def double(value: int) -> int:
    return 2 * value


def test_where_nothing_can_be_kept_code_is_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "njit", refusing("cannot cache function: no locator available"))
    assert jit.compiled("i8(i8)")(double)(4) == 8


def test_other_failures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "njit", refusing("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        jit.compiled("i8(i8)")(double)

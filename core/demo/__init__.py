"""The demo project: seeded synthetic CT to look at and to train on, no patient behind it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.demo.project import fill_demo, make_demo

__all__ = ["fill_demo", "make_demo"]


def __getattr__(name: str) -> Any:
    """Load the project side when asked for: the workers that compute cases need none of it."""
    if name not in __all__:
        raise AttributeError(name)
    from core.demo import project  # noqa: PLC0415

    return getattr(project, name)

"""The two ways in which a user's call can be refused."""

from __future__ import annotations

__all__ = ["InputError", "MissingExtraError"]


class InputError(ValueError):
    """The input cannot be used as it is; the message is one sentence that names the place and the mend.

    The command line prints it without a traceback and exits with status 2.
    """


class MissingExtraError(ImportError):
    """A package of an optional extra is needed for this verb and is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        # From a clone: the package stands on no index.
        super().__init__(
            f'{package} is not installed; in the folder of mura-ensemble: pip install ".[{extra}]"'
        )
        self.package = package
        self.extra = extra

"""The switches that refuse calls: `enabled` for everyone, and for one caller."""

from ledger.callers.configs import CallerConfig, GlobalConfig
from ledger.callers.detection import Caller
from ledger.errors import CallerDisabled


def check_enabled(rules: GlobalConfig, caller: Caller | None) -> None:
    """Whether calls are switched off for everyone.

    Raises:
        CallerDisabled: they are.
    """
    if not rules.enabled:
        raise CallerDisabled(
            "The ledger is switched off: `enabled` is false for everyone.",
            hint=f"Set it to true in {rules.off_at}.",
            caller=caller.name if caller else None,
        )


def check_caller_enabled(config: CallerConfig, caller: Caller, model: str | None) -> None:
    """Whether a caller's own config switches it off.

    Raises:
        CallerDisabled: it does.
    """
    if not config.enabled:
        raise CallerDisabled(
            f"Caller '{caller.name}' is switched off.",
            hint=f"Set `enabled` to true in {config.off_at}.",
            caller=caller.name,
            model=model,
        )

"""What the model leaves out, as the verdicts of checks that then do not apply."""

from __future__ import annotations

from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped


def no_backend(context: Context, expected: str) -> Verdict | None:
    """Not applicable without a backend; None where there is one."""
    return (
        None if context.site.backend.enabled else skipped(expected, "the model has no backend (backend.enabled: false)")
    )


def no_analysis(context: Context, expected: str) -> Verdict | None:
    """Not applicable without the service of analysis; None where there is one."""
    if context.site.analysis.enabled:
        return None
    return skipped(expected, "the model has no analysis (analysis.enabled: false)")


def no_webhook(context: Context, expected: str) -> Verdict | None:
    """Not applicable without a webhook to the backend of this environment; None where there is one."""
    if not context.site.webhook.enabled:
        return skipped(expected, "the model has no webhook (webhook.enabled: false)")
    if context.site.webhook.url is not None:
        return skipped(expected, "the webhook's receiver is not the backend of this environment (webhook.url)")
    return no_backend(context, expected)

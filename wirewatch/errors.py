"""The kinds of failure that the program tells apart.

Rejected input is dead-lettered and the work goes on; a transient failure is retried at the edge where it happens;
a user's mistake is shown in one line. Anything else is a fault of ours and ends the process uncommitted.
"""

from __future__ import annotations


class WirewatchError(Exception):
    """Base of every error that this program raises on purpose."""


class UserError(WirewatchError):
    """The user can mend this: the message says what, where (file:line) and how. Shown without a traceback, exit 1."""


class UsageError(UserError):
    """The command was called wrongly. Shown without a traceback, exit 2."""


class Rejected(WirewatchError):
    """This input can never be processed as it is; repeating is useless. Dead-letter it and go on.

    ``reason`` is a short fixed word, fit for a metric label; ``detail`` is for people (at most 1,000 characters).
    ``ours``: a crash, or an error that nobody foresaw, so perhaps our fault and not the input's; too many of these stop
    a stage (see wirewatch/fault_limit.py).
    """

    def __init__(self, reason: str, detail: str = "", *, ours: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail[:1000]
        self.ours = ours


class Transient(WirewatchError):
    """A server is away or slow. The same call may succeed later; nothing was lost."""


class BrokerUnavailable(Transient):
    """The broker did not answer, or did not acknowledge, in time."""


class StoreUnavailable(Transient):
    """Redis did not answer in time."""


class Rebalanced(WirewatchError):
    """Another member of the group owns these partitions now; what was not committed will be read there again."""


class Fenced(WirewatchError):
    """Another member has claimed this partition in the store. Nothing was changed; ask the broker whose it is."""


class RetentionLoss(WirewatchError):
    """Records that were never processed are no longer in the log. Stop loudly: going on would hide the loss."""


class TooManyFaults(WirewatchError):
    """Going on would dead-letter records that may be sound. Nothing of the batch at hand was written or passed.

    The process ends with EXIT_FAULTS, which a supervisor must not answer with a restart: each may dead-letter a few.
    """


EXIT_FAULTS = 3

"""How commands end: every exit status, once for the code, the help and ``docs/exit-statuses.md``."""

from __future__ import annotations

#: Of checks and gates are the third and the fourth; the first of the others is that of timeout(1), and what a
#: signal ends has 128 and its number.
OK, AT_FAULT, USAGE, FAILED, CANNOT_TELL = 0, 1, 2, 3, 4
TIMED_OUT, INTERRUPTED, TERMINATED = 124, 130, 143

#: Status → what it says.
MEANINGS = {
    OK: "success",
    AT_FAULT: "the input, the database or the machine is at fault: the message says what to do",
    USAGE: "wrong usage",
    FAILED: "a check failed, or something became worse (check, diff --gate)",
    CANNOT_TELL: "nothing failed, but of something one cannot tell (check, diff --gate)",
    TIMED_OUT: "it took longer than --timeout",
    INTERRUPTED: "interrupted (Ctrl-C)",
    TERMINATED: "terminated",
}

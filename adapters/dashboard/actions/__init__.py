"""What an operator can do. Each needs a key with `operate`, runs as a job, and is logged.

They are the engine's own operations, the same that the command line calls.
"""

from adapters.dashboard.actions import dead_letters, generations
from adapters.dashboard.board import View

ACTIONS: dict[str, View] = {
    "/generations/rebuild": generations.rebuild,
    "/generations/switch": generations.switch,
    "/generations/rollback": generations.rollback,
    "/generations/drop": generations.drop,
    "/dead-letters/retry": dead_letters.retry,
    "/dead-letters/discard": dead_letters.discard,
}

"""The generations of each read model: their progress, and what can be done with them."""

from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.topology import READ_MODELS
from adapters.dashboard.access import Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from projections.engine.scope import UNFINISHED
from projections.ports.generations import WHOLE, Phase, Purpose


async def generations(board: Board, request: Request, who: Visitor) -> Response:
    """All that are kept."""
    taken = board.snapshots.generations.newest()
    kept = [one for one in taken.value or () if one.generation.phase is not Phase.DROPPED]
    models = [model.name for model in READ_MODELS]
    return render(
        board,
        request,
        "generations.html",
        title="Generations",
        who=who,
        every=1,
        taken=taken,
        kept=[(name, [s for s in kept if s.generation.read_model == name]) for name in models],
        jobs=board.jobs.recent("generations"),
        unfinished=UNFINISHED,
        phase=Phase,
        purpose=Purpose,
        whole=WHOLE,
        models=models,
    )

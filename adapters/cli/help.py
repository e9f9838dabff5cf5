"""Help that reads like a manual page: what a value is called, not of which type it is."""

from typing import get_args

from typer.core import TyperArgument, TyperGroup, TyperOption


def name_values(command: object) -> None:
    """Let the help of a command, and of those below it, name values after their parameters.

    An option is shown as `--limit N` or `--topic TOPIC` instead of `--limit <int range>`, an
    argument as `PATH` instead of `{PATH}... <list[str]>`; choices stay.
    """
    for parameter in getattr(command, "params", ()):
        if isinstance(parameter, TyperArgument):
            _name_argument(parameter)
        elif isinstance(parameter, TyperOption) and not parameter.metavar:
            _name_option(parameter)
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            name_values(child)


def _name_option(option: TyperOption) -> None:
    if option.type_descriptor.is_choice or option.is_flag:
        return
    annotation = option.type_descriptor.annotation
    if {annotation, *get_args(annotation)} & {int, float}:
        option.metavar = "N"
    else:
        option.metavar = max(option.opts, key=len).lstrip("-").replace("-", "_").upper()


def _name_argument(argument: TyperArgument) -> None:
    # Typer has no setting for it; what an argument shows is asked of these two methods alone.
    if argument.type_descriptor.is_choice:
        return
    name = argument.metavar or argument.name.upper()
    many = "…" if argument.nargs != 1 else ""
    usage = f"{name}{many}" if argument.required else f"[{name}{many}]"
    argument.metavar = name
    setattr(argument, "display_type_rich", lambda ctx: "")  # noqa: B010 - a method, for mypy
    setattr(argument, "get_usage_pieces", lambda ctx: [usage])  # noqa: B010

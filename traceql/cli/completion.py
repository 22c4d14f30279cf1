"""The command completion."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes traceql commands in a shell.

    \b
    bash:  traceql completion bash >> ~/.bashrc
    zsh:   traceql completion zsh >> ~/.zshrc
    fish:  traceql completion fish > ~/.config/fish/completions/traceql.fish
    """
    from click.shell_completion import get_completion_class

    from traceql.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    # bash's own check of the shell's version is of no use where the script may be made for another machine.
    click.echo(found.source_template % found(cli, {}, "traceql", "_TRACEQL_COMPLETE").source_vars())

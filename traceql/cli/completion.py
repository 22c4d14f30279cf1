"""The command completion, and how a shell is told what it may insert.

What is offered may be a stranger's word: the name of a trace, or of a file of checks. A shell inserts it as
one literal word, whatever it holds, or is not told of it. zsh and fish quote what they insert themselves;
bash inserts it as it is, so that it is quoted here, for the place in the line where it goes.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import click
from click import shell_completion

from traceql.given import whole_number
from traceql.present.values import readable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Longer ones are nobody's to choose from a list.
_MOST_CHARACTERS = 1_000

# What bash takes as it is, wherever it stands in a word; beyond ASCII everything.
_PLAIN = re.compile(r"[\w./,@%+-]")
_SPECIAL_IN_DOUBLE = re.compile(r'[$`"\\]')

_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            plain,*) COMPREPLY+=("${line#*,}") ;;
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_REPLACED="$2" \
%(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a plain described
    local type key descr
    (( $+commands[%(prog_name)s] )) || return 1

    for type key descr in "${(@f)$(env COMP_WORDS="${(j: :)words[1,CURRENT]}" \
%(complete_var)s=zsh_complete %(prog_name)s)}"; do
        case $type in
            plain) if [[ $descr == _ ]]; then plain+=("$key"); else described+=("$key:$descr"); fi ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done

    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a -- plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l typed (commandline -cp | string collect)
    for line in (env %(complete_var)s=fish_complete COMP_WORDS=$typed %(prog_name)s)
        set -l offered (string split -m 1 , -- $line)
        switch $offered[1]
            case dir
                __fish_complete_directories $offered[2]
            case file
                __fish_complete_path $offered[2]
            case plain
                printf '%%s\\n' $offered[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes traceql commands in a shell.

    Names of traces are inserted quoted. What holds control characters or begins with a dash is not offered.

    \b
    bash:  traceql completion bash >> ~/.bashrc
    zsh:   traceql completion zsh >> ~/.zshrc
    fish:  traceql completion fish > ~/.config/fish/completions/traceql.fish
    """
    from traceql.cli import cli

    found = _SHELLS[shell]
    # bash's own check of the shell's version is of no use where the script may be made for another machine.
    click.echo(found.source_template % found(cli, {}, "traceql", "_TRACEQL_COMPLETE").source_vars(), nl=False)


class Line(NamedTuple):
    """A command line up to the cursor.

    Attributes:
        words: those before the one at the cursor, without their quotes.
        word: the one at the cursor, without its quotes.
        typed: the same as it was typed.
        quote: the quote that is open at the cursor; empty if none is.
    """

    words: tuple[str, ...]
    word: str
    typed: str
    quote: str


def parsed(line: str) -> Line:
    r"""Take a line apart as a shell does: words, quotes and backslashes.

    >>> parsed("traceql info 'a b'c\\ d")
    Line(words=('traceql', 'info'), word='a bc d', typed="'a b'c\\ d", quote='')
    >>> parsed('traceql info "a b')
    Line(words=('traceql', 'info'), word='a b', typed='"a b', quote='"')
    """
    words: list[str] = []
    word, quote, start, escaped, inside = "", "", 0, False, False
    for position, c in enumerate(line):
        if escaped:
            # Inside double quotes a backslash stays before what is not special.
            word += c if not quote or c in '$`"\\' else f"\\{c}"
            escaped = False
        elif c == "\\" and quote != "'":
            escaped, inside = True, True
        elif quote:
            quote = "" if c == quote else quote
            word += "" if not quote else c
        elif c in "'\"":
            quote, inside = c, True
        elif c in " \t\n":
            if inside:
                words.append(word)
            word, start, inside = "", position + 1, False
        else:
            word, inside = word + c, True
    return Line(tuple(words), word, line[start:], quote)


def inserted(offered: str, line: Line, replaced: str) -> str | None:
    r"""What bash must put in place of `replaced` so that the word becomes `offered`; None where it cannot.

    Args:
        offered: the whole word.
        line: up to the cursor.
        replaced: the end of what was typed, as bash breaks words: at colons, equals signs and open quotes.

    >>> inserted("$(touch X)", parsed("traceql info "), "")
    '\\$\\(touch\\ X\\)'
    >>> inserted("it's", parsed("traceql info 'it"), "it")
    "it'\\''s"
    """
    if not line.typed.endswith(replaced) or re.search(r"\$['\"]", line.typed):
        return None
    kept = parsed(line.typed[: len(line.typed) - len(replaced)])
    if not offered.startswith(kept.word):
        return None
    rest = offered[len(kept.word) :]
    # What bash leaves standing ends inside the quote that is open at the cursor. bash closes the quote
    # itself, but not after a word that seems to do so.
    if line.quote != kept.quote or (line.quote and rest.endswith(line.quote)):
        return None
    if line.quote == "'":
        return rest.replace("'", "'\\''")
    if line.quote == '"':
        # No quoting keeps an exclamation mark there from the history.
        return None if "!" in rest else _SPECIAL_IN_DOUBLE.sub(r"\\\g<0>", rest)
    return "".join(c if _PLAIN.match(c) or not c.isascii() else f"\\{c}" for c in rest)


class _Shell(shell_completion.ShellComplete):
    """What the shells share: the line comes in one variable, and only what can be inserted is offered."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = self._line()
        return list(line.words[1:]), line.word

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        found = super().get_completions(args, incomplete)
        # click completes the value alone where the word is --option=value; shells want the whole word.
        option = re.match(r"--[\w-]+=", incomplete)
        for one in found:
            if option and one.type == "plain":
                one.value = f"{option[0]}{one.value}"
        return [one for one in found if readable(one.value, _MOST_CHARACTERS) == one.value]

    @staticmethod
    def _line() -> Line:
        given = os.environ.get("COMP_WORDS", "")
        line = parsed(given)
        position = os.environ.get("COMP_CWORD", "")
        if (at := whole_number(position)) is not None:
            # As click's scripts have it, which may stand in somebody's files: all words, and which one it is.
            words = [*line.words, line.word]
            return line._replace(words=tuple(words[:at]), word=words[at] if at < len(words) else "")
        return line


class _Bash(_Shell):
    name = "bash"
    source_template = _BASH

    def complete(self) -> str:
        line = self._line()
        replaced = os.environ.get("COMP_REPLACED", line.typed)
        offered = self.get_completions(*self.get_completion_args())
        lines = []
        for one in offered:
            if one.type != "plain":
                lines.append(f"{one.type},{one.value}")
                continue
            text = inserted(one.value, line, replaced)
            if text is not None:
                lines.append(f"plain,{text}")
        return "\n".join(lines)


class _Zsh(_Shell):
    name = "zsh"
    source_template = _ZSH

    def format_completion(self, item: CompletionItem[str]) -> str:
        if not item.help:
            return f"{item.type}\n{item.value}\n_"
        # Where there is a description, zsh's function takes colons and backslashes as its own.
        value = re.sub(r"[\\:]", r"\\\g<0>", item.value)
        return f"{item.type}\n{value}\n{' '.join(item.help.split())}"


class _Fish(_Shell):
    name = "fish"
    source_template = _FISH

    def format_completion(self, item: CompletionItem[str]) -> str:
        about = f"\t{' '.join(item.help.split())}" if item.help else ""
        return f"{item.type},{item.value}{about}"


_SHELLS: dict[str, type[_Shell]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def register() -> None:
    """Let click answer the shells so."""
    for shell in _SHELLS.values():
        shell_completion.add_completion_class(shell)

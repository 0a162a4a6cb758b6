"""The front door: help, loading, unknown words, exit codes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperGroup

from flywheel.cli.main import COMMANDS, load
from flywheel.store.schema import VERSION_TABLE


def leaves() -> list[list[str]]:
    """Every command as the words that call it."""
    words = []
    for entry in COMMANDS:
        command = load(entry.address)
        if isinstance(command, TyperGroup):
            words.extend([entry.name, name] for name in command.commands)
        else:
            words.append([entry.name])
    return words


def in_a_process(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The installed program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from flywheel.cli.main import main; main()", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
    )


def test_help_loads_nothing_heavy():
    """`flywheel --help` answers before numpy, pydantic, a database or any command is imported."""
    code = (
        "import sys; from flywheel.cli.main import main; sys.argv = ['flywheel', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = ('numpy', 'scipy', 'pydantic', 'sqlmodel', 'sqlalchemy', 'langchain_core', 'prefect',"
        " 'flywheel.store', 'flywheel.cli.cycle')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
    assert "flywheel demo" in done.stdout


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_every_command_shows_an_example(flywheel, words):
    """Help has an example that calls the command, with the three options all commands share."""
    answer = flywheel(*words, "--help")

    assert answer.code == 0
    assert f"Example: flywheel {' '.join(words)}" in answer.out
    for option in ("--json", "--store", "--workspace"):
        assert option in answer.out


def test_commands_follow_the_journey(flywheel):
    """Help lists the demo first, undoing last, and no alphabet."""
    out = flywheel("--help").out

    names = [entry.name for entry in COMMANDS]
    places = [out.index(f"│ {name} ") for name in names]
    assert places == sorted(places)


def test_an_unknown_command_suggests_the_nearest(flywheel):
    """A misspelt command is exit 2 with the name that was meant."""
    answer = flywheel("reprot")

    assert answer.code == 2
    assert "Did you mean 'report'" in answer.err
    assert answer.out == ""


def test_wrong_use_is_json_when_asked(flywheel):
    """With --json a wrong option is a JSON document too."""
    answer = flywheel("report", "--by", "nothing", "--json")

    assert answer.code == 2
    assert answer.document["error"]["exit_code"] == 2


def test_no_command_shows_help_once(flywheel):
    """The program alone explains itself."""
    answer = flywheel()

    assert answer.code == 2
    assert (answer.out + answer.err).count("Usage: flywheel") == 1


def test_the_package_is_the_program(flywheel):
    """`python -m flywheel` is `flywheel`, for those whose path lacks the script."""
    done = subprocess.run(
        [sys.executable, "-m", "flywheel", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout == flywheel("--version").out


def test_version_is_printed(flywheel):
    """--version prints the version."""
    assert flywheel("--version").out.startswith("flywheel 0.")


def test_an_unreachable_store_is_exit_three():
    """A database that does not answer is exit 3, says so on stderr, and hides the password."""
    done = in_a_process("status", "--store", "postgresql://me:secret@127.0.0.1:1/x")

    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_not_there_is_not_made(flywheel):
    """Reading from a path without a store makes no file and names the next step."""
    answer = flywheel("report", "--store", "nothing.db")

    assert answer.code == 3
    assert "flywheel init" in answer.err
    assert not Path("nothing.db").exists()


def test_a_closed_pipe_is_quiet(triage):
    """Reading the first line only, as head does, prints no traceback."""
    code = "from flywheel.cli.main import main; main()"
    command = f'"{sys.executable}" -c "{code}" patterns --limit 500 | head -n 1'

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert done.stderr == ""


def test_no_color_is_respected(triage):
    """Output that is not a terminal has no escape codes, whatever TERM says."""
    done = in_a_process("status", NO_COLOR="1", TERM="xterm-256color")

    assert "\x1b[" not in done.stdout
    assert done.returncode == 0


def test_an_interrupt_says_what_is_kept(tmp_path):
    """Ctrl-C in the middle of an import is exit 130 with a sentence about what is kept."""
    pipe = tmp_path / "runs.jsonl"
    os.mkfifo(pipe)
    # A shell's `cmd &` hands SIGINT down as ignored.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from flywheel.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "import", "jsonl", str(pipe), "--store", str(tmp_path / "s.db")]
    # The pipe opens as soon as the import reads, which then waits for a line that never comes.
    with (
        subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running,
        pipe.open("w", encoding="utf-8"),
    ):
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "kept" in said
    assert "Traceback" not in said


def test_an_ascii_terminal_still_gets_the_numbers(triage):
    """A terminal that cannot show bars does not break the answer."""
    done = in_a_process("report", "--by", "slice", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "60.0 %" in done.stdout


def test_json_is_one_document(triage):
    """Stdout carries one JSON document that a program can read."""
    done = in_a_process("status", "--json")

    assert json.loads(done.stdout)["prompts"][0]["prompt"] == "triage"


@pytest.mark.parametrize("word", ["--store mine.db", "--store=mine.db"])
def test_advice_about_a_store_names_the_store_that_was_given(flywheel, tmp_path: Path, word: str):
    """A store of another schema, or none, is told with the command that helps as it must be typed."""
    missing = flywheel("report", *word.split())
    flywheel("init", *word.split())
    with sqlite3.connect(tmp_path / "mine.db") as raw:
        raw.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
    older = flywheel("report", *word.split())

    assert "Run: flywheel init --store mine.db" in missing.err
    assert older.err.rstrip().endswith("Run: flywheel upgrade --store mine.db")
    assert flywheel("report").err.count("--store mine.db") == 0


@pytest.mark.parametrize(
    "words",
    [
        ("value", "--window-days"),
        ("calibration", "--window-days"),
        ("report", "--window-days"),
        ("report", "--window-days", "7", "--against-days"),
        ("cycle", "--prompt", "triage", "--window-days"),
        ("trust", "cleanup", "--days"),
    ],
)
def test_a_window_before_the_year_one_is_wrong_use(triage, words: tuple[str, ...]):
    """Days that no calendar has are refused with the range, not with a traceback."""
    answer = triage(*words, "1e9")

    assert answer.code == 2
    assert "36500" in answer.err


def test_a_name_does_not_steer_the_terminal(flywheel, tmp_path: Path):
    """Escape sequences or turned writing in a name are not sent to the terminal; JSON has the name."""
    name = "\x1b[31mred\u202eevil"
    line = {"execution_id": "e1", "prompt": "p", "model": name, "agent": name, "outcome": "passed"}
    (tmp_path / "runs.jsonl").write_text(json.dumps(line) + "\n")
    flywheel("import", "jsonl", "runs.jsonl")

    drawn = "".join(flywheel(*words).out for words in (("trust",), ("report", "--by", "model"), ("status",)))

    assert "[31mredevil" in drawn
    assert not {"\x1b", "\u202e"} & set(drawn)
    assert flywheel("trust", "--json").document["agents"][0]["agent"] == name

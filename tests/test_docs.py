"""The documents are true: their commands run, their options exist, every verb is told of."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import typer
from documents import PAGES, ROOT, blocks, commands, patched

import mura_ensemble as me
from mura_ensemble.commands import app

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def options_by_verb():
    """`fit-stack` to its options; a verb of two words under both of them."""
    command = typer.main.get_command(app)
    verbs = {}
    for name, verb in command.commands.items():
        for last, single in getattr(verb, "commands", {"": verb}).items():
            verbs[f"{name} {last}".strip()] = {option for part in single.params for option in part.opts} | {
                "--help"
            }
    verbs[""] = {option for part in command.params for option in part.opts} | {"--help"}
    return verbs


VERBS = options_by_verb()
EVERY_OPTION = set().union(*VERBS.values())


def verb_of(words):
    """The verb that a command line begins with, or None."""
    for length in (2, 1):
        if " ".join(words[:length]) in VERBS:
            return " ".join(words[:length])
    return "" if words and words[0].startswith("-") else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_verb_and_option_in_a_block_exists(page):
    for block in blocks(page):
        if block.mark in {"file", "patch", "prints"} or block.language not in {"", "bash", "sh"}:
            continue
        for words in commands(block.text):
            if "mura-ensemble" not in words:
                continue
            words = words[words.index("mura-ensemble") + 1 :]
            verb = verb_of(words)
            assert verb is not None, f"no such verb: {' '.join(words[:2])}"
            named = {word.partition("=")[0] for word in words if OPTION.match(word)}
            assert named <= VERBS[verb], f"{verb} has no {named - VERBS[verb]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_verb_and_option_in_a_sentence_exists(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`([^`\n]+)`", prose):
        words = code.split()
        other = words[0] in {
            "make",
            "pip",
            "apt-get",
            "torchrun",
            "srun",
            "git",
            "pytest",
            "ruff",
            "python",
            "jupyter",
            "jupytext",
        }
        if other or not (OPTION.search(code) or words[0] == "mura-ensemble"):
            continue
        words = words[1:] if words[0] == "mura-ensemble" else words
        verb = verb_of(words)
        known = EVERY_OPTION if verb in {None, ""} else VERBS[verb]
        assert set(OPTION.findall(code)) <= known, f"{page.name}: `{code}`"
        assert verb is not None or words[0].startswith("-"), f"{page.name}: no verb in `{code}`"


def test_the_readme_tells_of_every_verb():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## What it can do")[2].partition("\n## ")[0]
    told = [
        name
        for row in re.findall(r"^\|.*\|(.*)\|$", table, re.MULTILINE)
        for name in re.findall("`([^`]+)`", row)
    ]
    assert sorted(told) == sorted(set(VERBS) - {""})


def test_own_predictions_names_every_public_name():
    page = next(page for page in PAGES if page.stem.endswith("bring-your-own-predictions"))
    told = re.findall(r"`me\.(\w+)`", page.read_text(encoding="utf-8"))
    assert set(told) == set(me.__all__)


def follow(page, run, capsys, folder, changed=lambda words: words):
    """Do what the page says, block by block, in an empty folder that is home too; return how many commands were run."""
    printed, count = "", 0
    for block in blocks(page):
        if block.mark == "file":
            (folder / block.name).write_text(block.text, encoding="utf-8")
        elif block.mark == "prints":
            for line in filter(None, map(str.strip, block.text.splitlines())):
                assert line in printed, f"{page.name} promises: {line}\nprinted: {printed}"
        elif block.mark == "run" and block.language == "python":
            exec(compile(block.text, str(page), "exec"), {})
            printed, count = capsys.readouterr().out, count + 1
        elif block.mark == "run":
            for words in commands(block.text):
                assert words[0] == "mura-ensemble", words
                words = [
                    word.replace("~", str(folder), 1) if word.startswith("~") else word
                    for word in changed(words[1:])
                ]
                status, printed, said = run(*words)
                assert status == 0, f"{page.name}: {' '.join(words)}\n{said}"
                count += 1
    return count


@pytest.mark.parametrize(
    "name",
    ["README", "bring-your-own-predictions", "statistics", "readers", "at-scale", "published-leaderboards"],
)
def test_what_needs_no_torch_can_be_followed(name, run, capsys, tmp_path):
    page = next(page for page in PAGES if page.stem.endswith(name))
    assert follow(page, run, capsys, tmp_path) >= 3


@pytest.mark.backbones
def test_the_quick_start_can_be_followed(run, capsys, tmp_path, write_mura):
    """On a small copy of MURA with invented patients; nets of a toy's size stand in for those that the page names."""
    pytest.importorskip("timm", reason="needs the [backbones] extra")
    types = ("SHOULDER", "WRIST", "ELBOW")
    studies = {
        (split, types[i % 3], f"patient9{i + shift:04}", 1, i % 2): 1 + i % 2
        for split, count, shift in (("train", 24, 1), ("valid", 12, 101))
        for i in range(count)
    }
    write_mura(tmp_path, studies)

    def small(words):
        words = [word for word in words if word != "--pretrained"]
        if words[0] == "train":
            words[words.index("--architecture") + 1] = "test_resnet"
            words += ["--epochs", "1", "--size", "32"]
        return words

    assert follow(next((ROOT / "docs").glob("?-quick-start.md")), run, capsys, tmp_path, small) >= 10
    assert len((tmp_path / "calls.csv").read_text().splitlines()) == 12


def test_the_recipes_for_extending_can_be_followed(tmp_path):
    """In a copy of the package: the files and lines of the page, its commands, and its own tests."""
    [page] = [page for page in PAGES if page.stem.endswith("extending")]
    shutil.copytree(
        ROOT / "mura_ensemble", tmp_path / "mura_ensemble", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "predictions").symlink_to(ROOT / "predictions", target_is_directory=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def succeed(*words):
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"

    written = []
    for block in blocks(page):
        file = tmp_path / block.name
        if block.mark == "file":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
            written.append(block.name)
        elif block.mark == "patch":
            file.write_text(patched(block.text, file.read_text(encoding="utf-8")), encoding="utf-8")
        elif block.mark == "run":
            for words in commands(block.text):
                succeed("mura_ensemble", *words[1:])
    assert len(written) == 3
    assert len((tmp_path / "calls.csv").read_text(encoding="utf-8").splitlines()) == 1 + 207
    succeed(
        "pytest", "-q", "-p", "no:cacheprovider", *[name for name in written if name.startswith("tests/")]
    )
    succeed("ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--no-cache", *written)

"""Run folders: made, held, replaced, cleaned, never lost."""

import subprocess
import sys

import pytest

from kseg.errors import ArgumentError, KsegError
from kseg.runs import making
from kseg.runs.run import Run


def make_run(root, name, text=None, **options):
    with making.new_run(root, name, **options) as run:
        run.model_file.write_text(text or name)
    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_not_made_twice(tmp_path):
    make_run(tmp_path, "a")
    with pytest.raises(ArgumentError, match="overwrite=True"):
        make_run(tmp_path, "a")
    assert make_run(tmp_path, "a", numbered=True).name == "a-2"
    assert making.free_name(tmp_path, "a") == "a-3"
    assert making.free_name(tmp_path, "b") == "b"


def test_a_run_is_replaced_when_the_new_one_is_whole(tmp_path):
    make_run(tmp_path, "a")
    (tmp_path / "a/note.txt").touch()
    with making.new_run(tmp_path, "a", overwrite=True) as run:
        run.model_file.write_text("new")
        assert Run(tmp_path / "a").model_file.read_text() == "a"
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["model.keras"]
    assert Run(tmp_path / "a").model_file.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_stays_if_the_one_that_is_to_replace_it_fails(tmp_path, error):
    make_run(tmp_path, "a")
    with pytest.raises(error), making.new_run(tmp_path, "a", overwrite=True):
        raise error
    assert names(tmp_path) == ["a"]
    with pytest.raises(error), making.new_run(tmp_path, "a", overwrite=True) as run:
        run.resume_file.write_text("half")
        raise error
    assert names(tmp_path) == ["a", "a.unfinished"]
    assert Run(tmp_path / "a").model_file.read_text() == "a"
    assert making.unfinished(Run(tmp_path / "a")).resume_file.read_text() == "half"
    make_run(tmp_path, "a", "third", overwrite=True)
    assert names(tmp_path) == ["a"]
    assert Run(tmp_path / "a").model_file.read_text() == "third"


def test_a_run_stays_if_nothing_was_made_to_replace_it(tmp_path):
    make_run(tmp_path, "a")
    with making.new_run(tmp_path, "a", overwrite=True):
        pass
    assert names(tmp_path) == ["a"]
    assert Run(tmp_path / "a").model_file.read_text() == "a"


def test_a_new_run_without_anything_to_keep_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), making.new_run(tmp_path, "a", overwrite=True):
        raise RuntimeError
    assert names(tmp_path) == []


HOLD = """
import sys
from pathlib import Path
from kseg.runs import making
with making.new_run(Path(sys.argv[1]), sys.argv[2], overwrite=True) as run:
    run.recipe_file.touch()
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Starts another process that works in a run; it is killed in the end, as by a power cut."""
    processes = []

    def start(name):
        command = [sys.executable, "-c", HOLD, tmp_path, name]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        processes.append(subprocess.Popen(command, **pipes))
        assert processes[-1].stdout.readline() == b"held\n"
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_folder_in_which_another_process_works_is_left_alone(tmp_path, other):
    process = other("a")
    with pytest.raises(KsegError, match="Another process works in"):
        make_run(tmp_path, "a", overwrite=True)
    with pytest.raises(KsegError, match="Another process"), making.held(Run(tmp_path / "a")):
        pass
    assert making.tidy(tmp_path) == []
    assert make_run(tmp_path, "a", numbered=True).name == "a-2"
    process.kill()
    process.wait()
    assert making.tidy(tmp_path) == [tmp_path / "a"]
    assert names(tmp_path) == ["a-2"]


def test_two_processes_do_not_replace_one_run(tmp_path, other):
    make_run(tmp_path, "a")
    process = other("a")
    with pytest.raises(KsegError, match="Another process works in"):
        make_run(tmp_path, "a", overwrite=True)
    process.kill()
    process.wait()
    make_run(tmp_path, "a", "new", overwrite=True)
    assert names(tmp_path) == ["a"]
    assert Run(tmp_path / "a").model_file.read_text() == "new"


@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_replacement_that_was_killed_is_done(tmp_path, is_renamed):
    make_run(tmp_path, "a")
    make_run(tmp_path, "b", "new")
    (tmp_path / "a").rename(tmp_path / ".a.replaced")
    (tmp_path / "b").rename(tmp_path / ("a" if is_renamed else "a.unfinished"))
    assert making.tidy(tmp_path) == []
    assert names(tmp_path) == ["a"]
    assert Run(tmp_path / "a").model_file.read_text() == "new"


def test_half_written_files_are_removed(tmp_path, other):
    make_run(tmp_path, "a")
    process = other("b")
    for name in ("resume.npz", ".kseg-1234.npz"):
        (tmp_path / "b" / name).touch()
    process.kill()
    process.wait()
    assert making.tidy(tmp_path) == []
    assert names(tmp_path / "b") == ["recipe.yaml", "resume.npz"]


@pytest.mark.parametrize("name", ["a", "Unet-2.1_x", "0"])
def test_valid_names(tmp_path, name):
    assert making.check_name(name, tmp_path) == name


@pytest.mark.parametrize("name", ["", ".a", "a/b", "..", "a b", "-x", "a.unfinished"])
def test_invalid_names(tmp_path, name):
    with pytest.raises(ArgumentError, match="letters"):
        making.check_name(name, tmp_path)


def test_a_name_whose_training_was_broken_off_leads_on(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/resume.npz").touch()
    with pytest.raises(ArgumentError, match=r"or go on with it: kseg\.resume\(.*a"):
        making.check_name("a", tmp_path, overwrite=False)

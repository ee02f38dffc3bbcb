"""How a program describes itself."""

import os
import sys
from pathlib import Path

from effmeter.client.program import describe_program, git_commit, library_versions

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_program_states_its_process_and_only_the_variables_that_are_asked_for() -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "1", "PASSWORD": "secret"}
    described = describe_program(environ, ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"))
    assert described["pid"] == os.getpid()
    assert described["CUDA_VISIBLE_DEVICES"] == "1"
    assert "ROCR_VISIBLE_DEVICES" not in described
    assert "secret" not in str(described)


def test_a_variable_cannot_take_the_place_of_a_fact() -> None:
    assert describe_program({"pid": "1"}, ("pid",))["pid"] == os.getpid()


def test_long_values_are_cut() -> None:
    assert len(describe_program({"LIST": "1," * 9000}, ("LIST",))["LIST"]) == 2000


def test_versions_are_those_of_loaded_libraries() -> None:
    versions = library_versions()
    assert versions["python"].startswith(f"{sys.version_info.major}.")
    assert set(versions) - {"python"} <= set(sys.modules)


def test_the_commit_is_read_from_a_branch_a_packed_branch_and_a_detached_head(
    tmp_path: Path,
) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text(COMMIT + "\n")
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert git_commit(inside) == COMMIT
    (git / "refs" / "heads" / "main").unlink()
    (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    assert git_commit(tmp_path) == COMMIT
    (git / "HEAD").write_text("f" * 40 + "\n")
    assert git_commit(tmp_path) == "f" * 40


def test_a_worktree_has_the_commit_of_its_own_branch(tmp_path: Path) -> None:
    git = tmp_path / "repository" / ".git"
    own = git / "worktrees" / "w"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/w\n")
    (own / "commondir").write_text("../..\n")
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "w").write_text(COMMIT + "\n")
    worktree = tmp_path / "w"
    worktree.mkdir()
    (worktree / ".git").write_text(f"gitdir: {own}\n")
    assert git_commit(worktree) == COMMIT


def test_outside_of_a_repository_the_commit_is_unknown(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert git_commit(tmp_path) is None

"""The environment is built from exact pins, once, and again only when something changed."""

from __future__ import annotations

import sys
import tomllib

import bootstrap
import pytest
from packaging.requirements import Requirement

PINNED = {"3.3.2": bootstrap.PINS / "airflow-3.3.2.txt", "3.1.8": bootstrap.PINS / "airflow-3.1.8.txt"}


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """What would be installed, without installing; every environment `made` is an empty folder."""
    calls = []
    monkeypatch.setattr(bootstrap, "make_environment", lambda folder: folder.mkdir())
    monkeypatch.setattr(bootstrap, "find_uv", lambda python, may_install: None)
    monkeypatch.setattr(bootstrap, "install", lambda python, uv, what, title: calls.append(what))
    return calls


@pytest.fixture
def pins(tmp_path):
    """A file of pins."""
    path = tmp_path / "pins.txt"
    path.write_text("one==1\n")
    return path


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A checkout that the test may change."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


def test_an_environment_that_is_up_to_date_is_left_alone(installed, pins, project):
    """Every command would install for a minute first."""
    bootstrap.bring_up_to_date(project / "venv", pins)
    installed.clear()
    bootstrap.bring_up_to_date(project / "venv", pins)
    assert installed == []


def test_changed_pins_build_it_anew(installed, pins, project):
    """Tests would run on old versions."""
    bootstrap.bring_up_to_date(project / "venv", pins)
    (project / "venv" / "old").touch()
    pins.write_text("one==2\n")
    bootstrap.bring_up_to_date(project / "venv", pins)
    assert not (project / "venv" / "old").exists()
    assert ["-r", str(pins)] == installed[-2]


def test_a_changed_project_file_installs_only_the_project(installed, pins, project):
    """Editing pyproject.toml would cost a minute, or its entry points would stay old."""
    bootstrap.bring_up_to_date(project / "venv", pins)
    installed.clear()
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    bootstrap.bring_up_to_date(project / "venv", pins)
    assert [what[-2:] for what in installed] == [["-e", str(project)]]


def test_the_client_packages_come_alone(installed, pins, project):
    """Their developers' tools would be installed, or this project into an environment that it does not fit."""
    bootstrap.bring_up_to_date(project / "venv", pins, with_project=False)
    assert installed == [["--no-deps", "-r", str(pins)]]


def test_the_client_packages_are_pinned():
    """Two machines would test different versions, or none."""
    lines = (bootstrap.PINS / f"{bootstrap.CLIENTS}.txt").read_text().splitlines()
    assert [line for line in lines if [each.operator for each in Requirement(line).specifier] != ["=="]] == []
    assert {"bacalhau-apiclient", "bacalhau-sdk"} <= {Requirement(line).name for line in lines}


def test_an_interrupted_build_starts_again(installed, pins, project, monkeypatch):
    """Half an environment would be taken for a whole one."""

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.bring_up_to_date(project / "venv", pins)
    bootstrap.bring_up_to_date(project / "venv", pins)
    assert ["-r", str(pins)] in installed


def test_without_any_python_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    """Somebody on a bare machine would see a traceback."""
    monkeypatch.setattr(bootstrap, "fitting_pythons", list)
    monkeypatch.setattr(bootstrap, "find_uv", lambda python, may_install: None)
    with pytest.raises(bootstrap.CannotBuild, match=r"3\.11, 3\.12 or 3\.13 .* install one of them"):
        bootstrap.make_environment(tmp_path / "venv")


def test_a_python_whose_venv_does_not_work_is_passed_over(monkeypatch, tmp_path):
    """Debian's python3 without python3-venv, or a shim without an interpreter, would end the search."""
    broken = tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(bootstrap, "fitting_pythons", lambda: [str(broken), sys.executable])
    monkeypatch.setattr(bootstrap, "find_uv", lambda python, may_install: None)
    bootstrap.make_environment(tmp_path / "venv")
    assert bootstrap.python_of(tmp_path / "venv").exists()


@pytest.mark.parametrize("release", PINNED)
def test_every_pin_is_exact(release):
    """Two machines would test different versions."""
    lines = PINNED[release].read_text().splitlines()
    assert [line for line in lines if [each.operator for each in Requirement(line).specifier] != ["=="]] == []


@pytest.mark.parametrize("release", PINNED)
def test_the_pins_hold_the_release_they_are_named_after(release):
    """The suite for one Airflow release would run on another."""
    assert f"apache-airflow=={release}" in PINNED[release].read_text().splitlines()


@pytest.mark.parametrize("release", PINNED)
def test_the_pins_cover_and_satisfy_what_the_project_needs(release, root):
    """The project would be installed without something it declares, or beside a version it refuses."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    pinned = [Requirement(line) for line in PINNED[release].read_text().splitlines()]
    versions = {each.name.lower(): [next(iter(each.specifier)).version] for each in pinned}
    unmet = [
        text
        for text in declared
        for wanted in [Requirement(text)]
        if not list(wanted.specifier.filter(versions.get(wanted.name.lower(), [])))
    ]
    assert unmet == []


@pytest.fixture
def root():
    """The checkout."""
    return bootstrap.ROOT

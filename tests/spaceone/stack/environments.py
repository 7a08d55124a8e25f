"""Creates Python environments once from pinned, hashed requirements. All runs share them.

The folder name of an environment contains a hash of its inputs. A changed pin therefore creates a
new folder and does not change one that is in use. A marker file, written last, shows that the
folder is complete. A file lock lets concurrent test binaries wait for one installation instead of
repeating it.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from stack.children import Children
from stack.eras import Era
from stack.failure import HarnessError
from stack.lifetime import Lifetime

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
WANTED = (3, 11)
# These are published only as source archives. All other packages must be wheels.
SOURCE_ONLY = "jwcrypto,scheduler-cron"
INSTALL_SECONDS = 900
VERSION_PROBE = "import platform, sys; print(*sys.version_info[:2], platform.python_version())"


def find_python() -> tuple[str, str]:
    """Returns path and full version of Python 3.11: this one, or the first `python3.11` that works.

    The pins do not import on 3.12 (no `pkg_resources`, no `imp`) and have no wheels for it.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = [sys.executable, *(f"{folder}/python3.11" for folder in folders)]
    for candidate in candidates:
        version = _version(candidate)
        if version is not None:
            return candidate, version
    raise HarnessError(
        "the SpaceONE servers need Python 3.11, and this is "
        f"{platform.python_version()}; no working python3.11 on PATH either "
        "(Debian: python3.11-venv, elsewhere: pyenv install 3.11)"
    )


def _version(python: str) -> str | None:
    """Returns the full version if `python` runs and is 3.11. (A shim may exist and fail.)"""
    if not os.access(python, os.X_OK):
        return None
    probe = subprocess.run(
        [python, "-I", "-c", VERSION_PROBE], capture_output=True, text=True, timeout=30, check=False
    )
    major_minor_full = probe.stdout.split()
    if probe.returncode != 0 or major_minor_full[:2] != [str(part) for part in WANTED]:
        return None
    return major_minor_full[2]


def cache_root() -> Path:
    """Returns the project's cache directory."""
    if chosen := os.environ.get("CLOUD_POLICY_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "cloud-policy-operator"


def location(era: Era, python_version: str) -> Path:
    """Returns the folder of this era's environments. Its name has a hash of their inputs."""
    digest = hashlib.sha256(f"{python_version} {platform.machine()} {sys.platform}".encode())
    for name in ("build.txt", *era.environments.values()):
        digest.update((REQUIREMENTS / name).read_bytes())
    return cache_root() / f"spaceone-{era.name}-{digest.hexdigest()[:16]}"


def ensure(era: Era, lifetime: Lifetime) -> dict[str, Path]:
    """Returns the interpreters of the era's environments; installs missing environments first."""
    python, version = find_python()
    folder = location(era, version)
    marker = folder / ".complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not marker.exists():
        with folder.with_suffix(".lock").open("w") as lock:
            _take(lock.fileno(), folder, lifetime)
            if not marker.exists():
                _install(era, folder, python, lifetime)
                marker.touch()
    return {name: folder / name / "bin" / "python" for name in era.environments}


def _take(descriptor: int, folder: Path, lifetime: Lifetime) -> None:
    """Takes the file lock. The kernel releases it when the descriptor closes."""

    def attempt() -> bool | None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return True

    if attempt() is None:
        _say(f"waiting for another process that is installing {folder}")
        if lifetime.wait_for(attempt, INSTALL_SECONDS) is None:
            raise HarnessError(f"{folder} is still locked after {INSTALL_SECONDS} s")


def _install(era: Era, folder: Path, python: str, lifetime: Lifetime) -> None:
    """Creates all environments of the era in parallel, step by step in each."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    _say(f"installing the {era.name} era into {folder} (once; about a minute)")
    plans = {name: _steps(folder / name, python, file) for name, file in era.environments.items()}
    for step in zip(*plans.values(), strict=True):
        _run_all(dict(zip(plans, step, strict=True)), folder, lifetime)
    _say(f"installed in {time.monotonic() - began:.0f} s")


def _steps(environment: Path, python: str, requirements: str) -> list[list[str]]:
    """Returns the steps: create the environment, install build tools, install packages."""
    pip = [str(environment / "bin" / "python"), "-I", "-m", "pip"]
    pip += ["--disable-pip-version-check", "--no-input", "install"]
    pip += ["--quiet", "--no-compile", "--no-deps", "--require-hashes"]
    build, packages = str(REQUIREMENTS / "build.txt"), str(REQUIREMENTS / requirements)
    wheels = ["--no-build-isolation", "--only-binary", ":all:", "--no-binary", SOURCE_ONLY]
    return [
        [python, "-I", "-m", "venv", str(environment)],
        [*pip, "-r", build],
        [*pip, *wheels, "-r", packages],
    ]


def _run_all(commands: dict[str, list[str]], folder: Path, lifetime: Lifetime) -> None:
    """Runs one step of all environments in parallel; raises with the log of one that fails."""
    deadline = time.monotonic() + INSTALL_SECONDS
    with Children() as children:
        running = [
            children.start(f"installing {name}", command, folder / f"{name}.log")
            for name, command in commands.items()
        ]
        while any(child.process.poll() is None for child in running):
            if time.monotonic() > deadline:
                raise HarnessError(f"installation is still running after {INSTALL_SECONDS} s")
            lifetime.pause()
        for child in running:
            if child.process.returncode != 0:
                raise HarnessError(f"{child.name} failed:\n{child.tail()}")


def _say(text: str) -> None:
    """Prints progress to stderr. stdout is only for the READY line."""
    print(f"spaceone: {text}", file=sys.stderr, flush=True)

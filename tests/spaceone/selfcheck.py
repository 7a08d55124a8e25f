#!/usr/bin/env python3
"""Checks the project's expectations of the real servers: one line per case, 0 if all hold.

selfcheck.py [--era rest|verb]                  also compares with recorded/<era>.json
selfcheck.py --era rest|verb --record FILE      writes the exchanges instead
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks import (
    aids,
    endings,
    malformed,
    network_policy,
    network_queries,
    policy,
    policy_queries,
    surroundings,
)
from checks.driver import Driver
from checks.recording import Recording
from stack.eras import ERAS

ROOT = Path(__file__).parent
POLICY = policy.CHECKS + policy_queries.CHECKS
NETWORK = network_policy.CHECKS + network_queries.CHECKS
Check = Callable[[Driver], None]


@dataclass(frozen=True)
class Run:
    """One run of an era's servers: the checks of each front, and the way in which the run ends."""

    era: str
    ending: endings.Ending
    recorded: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    unrecorded: tuple[Check, ...] = ()
    options: tuple[str, ...] = ()


RUNS = (
    Run(
        "rest",
        endings.by_sigterm,
        {"transcoder": POLICY + NETWORK + surroundings.CHECKS["rest"] + malformed.TRANSCODER},
        aids.CHECKS,
    ),
    Run("rest", endings.by_dead_server),
    Run(
        "verb",
        endings.by_stdin,
        {
            "transcoder": POLICY + surroundings.CHECKS["verb"] + malformed.TRANSCODER,
            "console": POLICY + malformed.CONSOLE,
        },
    ),
    Run(
        "verb",
        endings.by_sigkill,
        unrecorded=aids.OTHER_STYLE,
        options=("--error-style", "grpc-gateway", "--emit-defaults"),
    ),
)


def arguments() -> argparse.Namespace:
    """Defines the command line."""
    parser = argparse.ArgumentParser(description="Check the real SpaceONE servers' behaviour.")
    parser.add_argument("--era", choices=sorted(ERAS), help="check only this era")
    parser.add_argument("--record", type=Path, metavar="FILE", help="needs --era")
    chosen = parser.parse_args()
    if chosen.record and not chosen.era:
        parser.error("--record needs --era")
    return chosen


def main() -> int:
    """Returns 0 if all answers were as expected and as recorded."""
    chosen = arguments()
    wanted = [run for run in RUNS if chosen.era in (None, run.era)]
    failures = sum(perform(run, chosen.record) for run in wanted)
    print(f"{failures} failures")
    return 1 if failures else 0


def perform(run: Run, record: Path | None) -> int:
    """Starts the servers, checks them, ends them; returns the number of failures."""
    command = [sys.executable, str(ROOT / "run.py"), "serve", "--era", run.era, *run.options]
    with tempfile.TemporaryDirectory(prefix=f"spaceone-{run.era}-") as folder:
        supervisor = subprocess.Popen(
            [*command, "--dir", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if run.ending is endings.by_dead_server else None,
        )
        try:
            ready = supervisor.stdout.readline().decode().split() if supervisor.stdout else []
            if ready[:1] != ["READY"]:
                return 1  # The supervisor has printed the reason to stderr.
            env = json.loads(Path(ready[1]).read_text())
            return _check(run, env, record) + _end(run, supervisor)
        finally:
            supervisor.kill()
            supervisor.wait()


def _check(run: Run, env: dict[str, Any], record: Path | None) -> int:
    """Runs all checks; writes the recording or compares it."""
    recording, failures = Recording(env), 0
    for front, checks in (*run.recorded.items(), ("transcoder", run.unrecorded)):
        driver = Driver(env, front, recording)
        for check in checks:
            driver.run(check)
        failures += driver.failures
    if not run.recorded:
        return failures
    print(f"     {len(recording.exchanges)} exchanges with the servers of the {run.era} era")
    if record is None:
        return failures + _compare(recording)
    recording.write(record)
    return failures


def _compare(recording: Recording) -> int:
    """Compares this run with the committed recording."""
    lines = recording.differences(ROOT / "recorded" / f"{recording.era}.json")
    for line in lines:
        print(f"FAIL differs from the recording: {line}")
    return len(lines)


def _end(run: Run, supervisor: "subprocess.Popen[bytes]") -> int:
    """Ends the supervisor in the way that the run selects."""
    problems = endings.end(supervisor, run.ending)
    name = run.ending.__name__.replace("_", " ")
    print(f"{'FAIL' if problems else 'ok  '} {run.era} ended {name}, and no process is left")
    for problem in problems:
        print(f"     {problem}")
    return len(problems)


if __name__ == "__main__":
    sys.exit(main())

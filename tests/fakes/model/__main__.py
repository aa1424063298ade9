"""`python -m tests.fakes.model --port 0 --script FILE.py`: the scripted model by itself."""

from __future__ import annotations

import argparse
import runpy
import signal
import threading
from pathlib import Path

from tests.fakes.model.program import DUMMY_KEY
from tests.fakes.model.server import ScriptedModel


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.model")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path, help="a Python file with `define(model)`")
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ScriptedModel(port=given.port) as model:
        if given.script:
            runpy.run_path(str(given.script))["define"](model)
        print(f"ANTHROPIC_BASE_URL={model.url}")
        print(f"ANTHROPIC_API_KEY={DUMMY_KEY}")
        print("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", flush=True)
        stop.wait()


main()

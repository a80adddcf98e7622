# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Entry point: ``python3 -m fastgpt_standin``."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from urllib.error import URLError

import labweb

from fastgpt_standin.generation import Generation, parse_version
from fastgpt_standin.log import Log
from fastgpt_standin.startup import FastGPT
from fastgpt_standin.web import build

PORT = 3000


def main() -> None:
    """Run the application on port 3000."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    version = json.loads(Path("/app/package.json").read_text(encoding="utf-8"))["version"]
    generation = Generation(parse_version(version))
    fastgpt = FastGPT(generation, os.environ, Log(generation.log_style))
    print(
        f"   ▲ Next.js 14.2.5\n   - Local:        http://localhost:{PORT}\n\n ✓ Starting...\n ✓ Ready in 412ms",
        flush=True,
    )
    first = visit if generation.starts_on_request else fastgpt.start
    threading.Thread(target=first, daemon=True).start()
    build(fastgpt).serve(PORT)


def visit() -> None:
    """Be the user who opens the page: before 4.8.14 nothing is read or connected until somebody does."""
    time.sleep(1)
    try:
        labweb.call("GET", f"http://127.0.0.1:{PORT}/api/common/system/getInitData")
    except (URLError, OSError) as error:
        print(f"the lab's visitor got no page: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

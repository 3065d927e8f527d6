"""The program: `orthancgen-analysis --config PATH/analysis.json`.

Exit codes: 0 ended on request, 2 bad configuration.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import uvicorn

from .api import create_app
from .archive import Archive
from .config import load_config
from .errors import ConfigError
from .service import Service, installed, prepare_work


def main() -> None:
    """Serves until it is told to end."""
    parser = argparse.ArgumentParser(prog="orthancgen-analysis")
    parser.add_argument("--config", type=Path, required=True, metavar="PATH/analysis.json")
    file: Path = parser.parse_args().config
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout)
    # httpx writes each address, and they hold a patient's identifiers.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        config = load_config(file)
        prepare_work(config.work)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    archive = Archive(config)
    app = create_app(config.token, installed(config), Service(config, archive), archive)
    uvicorn.run(
        app,
        host=config.host,
        port=config.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=200,
    )


if __name__ == "__main__":
    main()

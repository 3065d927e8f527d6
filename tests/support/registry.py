"""A real image registry (Debian's docker-registry) on loopback, which an engine trusts without TLS."""

from __future__ import annotations

from pathlib import Path

import httpx
import yaml

from tests.support.servers import Server, free_port, require_program


class Registry(Server):
    """A registry with its storage in `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__("registry", folder)
        self._program = require_program("docker-registry", "apt-get install docker-registry")
        self.port = free_port()

    @property
    def host(self) -> str:
        """What stands before the slash in the name of an image."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        config = self.folder / "config.yml"
        document = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": {"addr": self.host},
        }
        config.write_text(yaml.safe_dump(document))
        return [self._program, "serve", str(config)]

    def healthy(self) -> bool:
        try:
            return httpx.get(f"http://{self.host}/v2/", timeout=5.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

"""A real haproxy as the end of TLS in front of another server of a test."""

from __future__ import annotations

from pathlib import Path

from tests.support.servers import Server, free_port, port_answers, require_program


class HaproxyServer(Server):
    """Ends TLS and goes on in plain TCP.

    Args:
        folder: where its configuration and log go.
        target: port of 127.0.0.1 to go on to.
        bind: options of the `bind` line; empty for no TLS at all.
        options: lines of the section `global`.
        port: to listen on; without it, a free one.
    """

    def __init__(
        self, folder: Path, target: int, bind: str, *, options: str = "", port: int | None = None, name: str = "haproxy"
    ) -> None:
        super().__init__(name, folder)
        self._program = require_program("haproxy", "apt-get install haproxy")
        self._target, self._bind, self._options = target, bind, options
        self.port = port or free_port()

    def command(self) -> list[str]:
        path = self.folder / "haproxy.cfg"
        path.write_text(
            f"global\n    {self._options}\n"
            "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n"
            f"frontend front\n    bind 127.0.0.1:{self.port} {self._bind}\n    default_backend back\n"
            f"backend back\n    server one 127.0.0.1:{self._target}\n"
        )
        return [self._program, "-db", "-f", str(path)]

    def healthy(self) -> bool:
        return port_answers("127.0.0.1", self.port)

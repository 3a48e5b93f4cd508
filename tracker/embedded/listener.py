"""The HTTP server on a socket whose connections end when their other side stays away."""

import os
import socket
from typing import Any

from granian.net import SocketSpec  # type: ignore[attr-defined]
from granian.server.embed import Server


class Listener(Server):
    """Granian waits for a head, and we for a body; for a client that does not take its answer
    nobody waits but the kernel, which does so for ever as long as the client's machine is there.

    ``silence`` is how long what was sent may stay unread or unacknowledged, in seconds.
    """

    def __init__(self, *parameters: Any, silence: int, **settings: Any) -> None:
        super().__init__(*parameters, **settings)
        self._silence = silence

    def _init_shared_socket(self) -> None:
        holder: Any = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._ssp, self._shd = None, holder
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; each connection inherits it
            with socket.socket(fileno=os.dup(holder.get_fd())) as listening:
                milliseconds = self._silence * 1000
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

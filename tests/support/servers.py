"""A web server for tests."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that is gone is no error; its thread would print one while another test reads what is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

"""A mail server that speaks just enough SMTP, and fails where a test wants it to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Post(socketserver.ThreadingTCPServer):
    """`refuses`: recipients are not taken. `dies`: the connection ends after the text came."""

    daemon_threads = True
    refuses = False
    dies = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.mails: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Talk(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        self.say("220 here")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                text = b""
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    text += part
                self.server.mails.append(text.decode())
                if self.server.dies:
                    return
                self.say("250 taken")
            elif word == b"RCPT" and self.server.refuses:
                self.say("550 nobody of that name")
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def post() -> Iterator[Post]:
    with Post() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

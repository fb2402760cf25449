"""The command `boucle` for shells of tests, imported once: importing takes longer than most verbs. Holds no test.

`python readied.py serve SOCKET` listens and forks a process for each call; `python readied.py call SOCKET ARGUMENT...`
is the command: it hands its arguments, folder, environment and standard streams over and ends as the verb did.
"""

import json
import os
import signal
import socket
import struct
import sys

CODE = struct.Struct("!i")
LONGEST_CALL = 1_000_000


def call(address: str, arguments: list[str]) -> int:
    """Have one verb run and return its exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(address)
        what = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)})  # noqa: PTH109
        socket.send_fds(line, [what.encode()], [0, 1, 2])
        answer = line.recv(CODE.size)
    return int(CODE.unpack(answer)[0]) if answer else 1


def serve(address: str) -> None:
    """Import the command, say so on standard output, and run each call in a process of its own."""
    from workers.cli import main  # what this file saves its callers

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(address)
        door.listen(16)
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                what, streams, _, _ = socket.recv_fds(line, LONGEST_CALL, 3)
                order = json.loads(what)
                for place, stream in enumerate(streams):
                    os.dup2(stream, place)
                    os.close(stream)
                os.chdir(order["folder"])
                os.environ.clear()
                os.environ.update(order["environment"])
                code: object = 1
                try:
                    main(order["arguments"])
                except SystemExit as ended:
                    code = ended.code
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    line.send(CODE.pack(code if isinstance(code, int) else 0))
                    os._exit(0)
            line.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    sys.exit(call(sys.argv[2], sys.argv[3:]))

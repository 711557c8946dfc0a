"""The interpreter that a warm Snakemake knows: its jobs and this package's own programs are handed to a process that
has imported what they need (warm_jobs.py), with folder, environment, arguments and streams; how they end comes back.
Anything else is a real interpreter.

Needs little of the standard library, so that it starts at once.
"""

import json
import os
import signal
import socket
import sys

if ".snakemake/scripts/" not in sys.argv[1] and not " ".join(sys.argv[1:3]).startswith("-m hydra_steps."):
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
order = {"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
    link.connect(os.environ["WARM_JOBS"])
    socket.send_fds(link, [json.dumps(order).encode()], [0, 1, 2])
    code = link.recv(16)
if not code:  # that was killed
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(code))

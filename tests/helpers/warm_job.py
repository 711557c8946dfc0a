"""A job of Snakemake, handed to a process that has imported what jobs need (warm_jobs.py): its folder, environment,
arguments and streams go there, and how it ends comes back. Anything else is the interpreter itself.

Needs little of the standard library, so that it starts at once.
"""

import json
import os
import signal
import socket
import sys

if ".snakemake/scripts/" not in sys.argv[1]:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
order = {"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
    link.connect(os.environ["WARM_JOBS"])
    socket.send_fds(link, [json.dumps(order).encode()], [0, 1, 2])
    code = link.recv(16)
if not code:  # it was killed
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(code))

"""A real Slurm of one node on this machine, beside any other: its own ports, its own folders, no systemd, no database.

``munged``, ``slurmctld`` and ``slurmd`` run as the user who runs the tests. What they write lies in one folder,
and they end with :meth:`Cluster.stop`, or with the tests.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from getpass import getuser
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmstepd", "sbatch", "srun", "squeue", "scontrol", "scancel")
CPUS = 4  # more than the machine may have: a few jobs are to run side by side
PATIENCE = 60.0  # seconds that a daemon may take

# Without control groups memory is watched by Slurm itself, and a job that takes more than it asked for is ended.
CONFIGURATION = """\
ClusterName=hydra_steps_tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={socket},cred_expire=15
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=300
InactiveLimit=0
KillWait=2
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """Return the programs of Slurm and munge that this machine lacks."""
    return [name for name in PROGRAMS if _where(name) is None]


class Cluster:
    """A running Slurm; ``environment`` is what its clients need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A socket's path may have some hundred letters only.
        self._sockets = Path(tempfile.mkdtemp(prefix="munge-"))
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", "")]),
        }

    def start(self) -> None:
        """Write the configuration and start the daemons; AssertionError with their logs where it fails."""
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                host=socket.gethostname().split(".")[0],
                controller=_free_port(),
                daemon=_free_port(),
                user=getuser(),
                socket=self._sockets / "munge",
                folder=self.folder,
                cpus=CPUS,
                memory=int(0.9 * memory),
            )
        )
        # The executor's job steps drop SLURM_CONF from their environment, since a site's Slurm is found without it.
        srun = self.folder / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {_where("srun")} "$@"\n')
        srun.chmod(0o755)
        munge = [f"--key-file={key}", f"--socket={self._sockets / 'munge'}", "--num-threads=2"]
        munge += [f"--{part}-file={self.folder}/munged.{part}" for part in ("log", "pid", "seed")]
        self._daemon("munged", "--foreground", "--force", *munge)
        self.wait(lambda: (self._sockets / "munge").exists(), "munged")
        self._daemon("slurmctld", "-D", "-i")
        self.start_node()

    def start_node(self) -> None:
        """Start the node's daemon and wait until the node takes jobs."""
        self._daemon("slurmd", "-D")
        self.wait(lambda: self.node() in ("IDLE", "MIXED", "ALLOCATED"), "the node")

    def crash_node(self) -> None:
        """Kill the node's daemon and all its jobs, as a power cut does: who would report an end dies first."""
        daemon = self._daemons.pop("slurmd")
        reporting = [daemon.pid, *self._steps()]
        below = [one for pid in reporting for one in _descendants(pid)]
        for one in [*reporting, *below]:
            _signal(one, signal.SIGKILL)
        daemon.wait()
        self.scontrol("update", f"nodename={self.name}", "state=down", "reason=crashed")

    def freeze(self) -> None:
        """Stop the processes that compute in all jobs, as a hung file system does; only a kill ends them."""
        for step in self._steps():
            below = _descendants(step)
            for one in below:
                if not _descendants(one):
                    _signal(one, signal.SIGSTOP)

    def stop(self) -> None:
        """End the jobs and the daemons, and remove the socket."""
        try:
            if "slurmctld" in self._daemons and self._daemons["slurmctld"].poll() is None:
                subprocess.run(
                    ["scancel", "--user", getuser()], env=self._env(), timeout=20, capture_output=True
                )
                self.wait(lambda: not self.jobs(), "the last jobs", must=False)
        except (OSError, subprocess.SubprocessError):
            pass  # they are killed below
        for pid in self._steps():
            for one in [*_descendants(pid), pid]:
                _signal(one, signal.SIGKILL)
        for name in ("slurmd", "slurmctld", "munged"):
            daemon = self._daemons.get(name)
            if daemon is not None:
                daemon.terminate()
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)

    @property
    def name(self) -> str:
        """The node's name."""
        return socket.gethostname().split(".")[0]

    def node(self) -> str:
        """Return the node's state, without its flags."""
        said = self.scontrol("show", "node", self.name, check=False)
        found = re.search(r"State=([A-Z]+)", said)
        return found[1] if found else ""

    def jobs(self, states: str = "pending,running,completing") -> dict[int, str]:
        """Return the comments of all jobs in some states (the rule and its wildcards) by their numbers."""
        said = self.client("squeue", "--noheader", f"--states={states}", "--format=%A|%k")
        return {
            int(number): comment for number, comment in (line.split("|", 1) for line in said.splitlines())
        }

    def state(self, job: int) -> str:
        """Return a job's state."""
        return self.client("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T").strip()

    def scontrol(self, *arguments: str, check: bool = True) -> str:
        return self.client("scontrol", *arguments, check=check)

    def client(self, *command: str, check: bool = True) -> str:
        """Run one of Slurm's commands, and return what it printed."""
        done = subprocess.run(command, env=self._env(), text=True, capture_output=True, timeout=60)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def wait(
        self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE, must: bool = True
    ) -> None:
        """Wait until something holds; AssertionError with the daemons' logs where it does not in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                assert not must, f"{what}: not in {seconds:.0f} seconds\n{self.logs()}"
                return
            time.sleep(0.2)

    def logs(self) -> str:
        """Return the ends of the daemons' logs."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files)

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _daemon(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out.log").open("ab") as out:
            self._daemons[name] = subprocess.Popen(
                [str(_where(name)), *arguments],
                env=self._env(),
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                preexec_fn=_end_with_parent,
            )

    def _steps(self) -> list[int]:
        """Return the processes of slurmstepd that belong to this cluster."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                name = (entry / "comm").read_text().strip()
                ours = str(self.folder).encode() in (entry / "environ").read_bytes()
            except OSError:
                continue
            if name == "slurmstepd" and ours:
                found.append(int(entry.name))
        return found


def _where(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def _end_with_parent() -> None:
    """Have the system end a daemon when the tests are killed (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _signal(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, what)

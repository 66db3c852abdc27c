"""A real Kafka as an operator would secure it: TLS, SCRAM-SHA-512, and rights for each service."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from tests.certificates import make
from wirewatch.errors import BrokerUnavailable
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.local import child
from wirewatch.local.kafka import CACHE_DIR
from wirewatch.local.kafka_files import fetch, java, logging_properties
from wirewatch.local.ports import free_ports
from wirewatch.settings import load

ADMIN = "admin"
SERVICES = ("ingest", "actors", "entities", "counters", "relay", "api", "operator")
_LOOK_SECONDS = 0.1  # between two looks: the JVM needs the processor to start
_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC")


def password(user: str) -> str:
    return f"{user}-9b1f6c4e"


class SecuredKafka:
    """One node. The controller's listener takes certificates of our own authority only; all else logs in with SCRAM."""

    def __init__(self, folder: Path) -> None:
        self.certificates = make(folder / "certificates")
        self._folder = folder
        self._port, self._controller_port = free_ports(2)
        self.log = folder / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers its administrator. Raises UserError where Java or Kafka is missing."""
        properties = self._folder / "server.properties"
        properties.write_text(self._properties())
        logging = self._folder / "log4j2.properties"
        logging.write_text(logging_properties(self.log))
        jars = fetch(CACHE_DIR, lambda _: None)
        jvm = [str(java()), *_JVM, f"-Dlog4j2.configurationFile={logging.resolve()}", "-cp", jars]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        users = [
            argument
            for user in (ADMIN, *SERVICES)
            for argument in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password(user)}]")
        ]
        storage = [*jvm, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties), *users]
        done = subprocess.run(storage, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        self._process = child.spawn([*jvm, "kafka.Kafka", str(properties)], log_file=self._folder / "kafka.out")
        while not self._answers():
            assert self._process.poll() is None, child.tail(self._folder / "kafka.out")
            time.sleep(_LOOK_SECONDS)

    def _answers(self) -> bool:
        try:
            KafkaBroker(load(**self.settings(ADMIN))).admin().close()
        except BrokerUnavailable:
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            child.stop(self._process, 20)

    def settings(self, user: str, **more: object) -> dict[str, object]:
        """Overrides for ``load``, to connect as ``user``."""
        return {
            "kafka_bootstrap_servers": f"127.0.0.1:{self._port}",
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": user,
            "kafka_sasl_password": password(user),
            "kafka_ssl_cafile": str(self.certificates.authority),
            "kafka_session_timeout_ms": 6000,
            "partitions": 2,
        } | more

    def broker(self, user: str, **more: object) -> KafkaBroker:
        return KafkaBroker(load(**self.settings(user, **more)))

    def environment(self, user: str) -> dict[str, str]:
        """The same for a process."""
        variables = {
            "kafka_session_timeout_ms": "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS",
            "partitions": "WIREWATCH_PARTITIONS",
        }
        return {variables.get(name, name.upper()): str(value) for name, value in self.settings(user).items()}

    def give_rights(self, script: Path) -> None:
        """Run the shipped script as the administrator."""
        config = self._folder / "admin.properties"
        config.write_text(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
            f"ssl.truststore.type=PEM\nssl.truststore.location={self.certificates.authority}\n"
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{ADMIN}" password="{password(ADMIN)}";\n'
        )
        server = ["--bootstrap-server", f"127.0.0.1:{self._port}", "--command-config", str(config)]
        program = {"KAFKA_ACLS": f"{sys.executable} -m tests.live.kafka_acls"}
        subprocess.run(["sh", str(script), *server], check=True, env=os.environ | program)

    def _properties(self) -> str:
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        login = f'{module} required username="{ADMIN}" password="{password(ADMIN)}";'
        return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self._controller_port}
listeners=CLIENTS://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}
advertised.listeners=CLIENTS://127.0.0.1:{self._port}
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
listener.name.controller.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config={login}
ssl.keystore.type=PEM
ssl.keystore.location={self.certificates.pair}
ssl.truststore.type=PEM
ssl.truststore.location={self.certificates.authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{ADMIN};User:CN=server
log.dirs={(self._folder / "records").resolve()}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
"""

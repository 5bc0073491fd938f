# A real Kafka broker on loopback for run.sh, which reads this file: one JVM, one partition to a topic, no replica.
#
# The jars are those of the tests (tests/kafka/fetch). The invariant: it ends with the run, by its process id.

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_broker DIRECTORY: sets BROKER and BROKER_PID.
start_broker() {
  local dir=$1 jars=${KAFKA_JARS:-$HOME/.cache/tollgate-ci/kafka/libs} port controller
  port=$(free_port) controller=$(free_port)
  bash "$ROOT/tests/kafka/fetch" "$jars"
  mkdir -p "$dir"
  cat >"$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
num.partitions=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.max.timeout.ms=900000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.enable=false
EOF
  local java=(java -Xmx1g -XX:+UseParallelGC -cp "$jars/*" "-Dlog4j2.configurationFile=$ROOT/tests/kafka/log4j2.xml")
  "${java[@]}" kafka.tools.StorageTool format -t dG9sbGdhdGUtcGVlcnMtMTE -c "$dir/server.properties" >"$dir/log" 2>&1
  "${java[@]}" kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 &
  BROKER_PID=$! BROKER=127.0.0.1:$port
  topic wait "$BROKER"
}

stop_broker() {
  [[ -n ${BROKER_PID:-} ]] || return 0
  kill "$BROKER_PID" 2>/dev/null || true
  wait "$BROKER_PID" 2>/dev/null || true
  BROKER_PID=
}

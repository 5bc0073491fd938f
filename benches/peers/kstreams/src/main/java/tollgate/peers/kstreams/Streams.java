// The job on Kafka Streams' Processor API: one task with four stores, exactly once.
//
// Best settings: one sub-topology, so that no swipe goes through a repartition topic (which needs the partitions of the
// input to hold all events of all four keys, as one partition does); no record cache, which only costs where every
// write is to another key; stores of bytes without serdes. `rocks` is tuned to hold everything in memory, `mem` is the
// in-memory tree. The invariant: exactly_once_v2, changelogs on.
//
// usage: Streams rocks|mem COMMIT_MS DIRECTORY BROKER INPUT OUTPUT          (ends on SIGTERM)
package tollgate.peers.kstreams;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import tollgate.peers.job.Swipe;
import tollgate.peers.job.Windows;

public final class Streams {
  private static final String[] STORES = {"card", "merchant", "device", "ip"};

  private Streams() {}

  public static void main(String[] args) {
    boolean rocks = args[0].equals("rocks");
    KafkaStreams streams = new KafkaStreams(topology(rocks, args[4], args[5]), settings(rocks, args));
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      Runtime.getRuntime().halt(2);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(30))));
    streams.start();
  }

  private static Topology topology(boolean rocks, String input, String output) {
    ByteArraySerializer write = new ByteArraySerializer();
    ByteArrayDeserializer read = new ByteArrayDeserializer();
    Topology topology = new Topology();
    topology.addSource("source", read, read, input);
    topology.addProcessor("windows", Stage::new, "source");
    for (String name : STORES) {
      KeyValueBytesStoreSupplier store = rocks ? Stores.persistentKeyValueStore(name) : Stores.inMemoryKeyValueStore(name);
      topology.addStateStore(
          Stores.keyValueStoreBuilder(store, Serdes.Bytes(), Serdes.ByteArray()).withCachingDisabled().withLoggingEnabled(Map.of()),
          "windows");
    }
    topology.addSink("sink", output, write, write, "windows");
    return topology;
  }

  private static Properties settings(boolean rocks, String[] args) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[5]);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[3]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Long.parseLong(args[1]));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[2]);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
    if (rocks) settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Rocks.class);
    settings.put(StreamsConfig.producerPrefix("batch.size"), 262_144);
    settings.put(StreamsConfig.producerPrefix("linger.ms"), 100);
    settings.put(StreamsConfig.producerPrefix("buffer.memory"), 134_217_728L);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    settings.put(StreamsConfig.mainConsumerPrefix("max.poll.records"), 5_000);
    settings.put(StreamsConfig.mainConsumerPrefix("max.partition.fetch.bytes"), 8_388_608);
    return settings;
  }

  private static final class Stage implements Processor<byte[], byte[], byte[], byte[]> {
    private final List<KeyValueStore<Bytes, byte[]>> stores = new ArrayList<>();
    private ProcessorContext<byte[], byte[]> context;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      for (String name : STORES) stores.add(context.getStateStore(name));
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      try {
        byte[] swipe = Swipe.parse(record.value(), 0, record.value().length);
        for (int which = 0; which < STORES.length; which++) {
          Bytes key = Bytes.wrap(ByteBuffer.allocate(8).putLong(Swipe.key(swipe, which)).array());
          stores.get(which).put(key, Windows.bytes(stores.get(which).get(key), swipe, which));
        }
        context.forward(new Record<>(null, Swipe.row(swipe), record.timestamp()));
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }
}

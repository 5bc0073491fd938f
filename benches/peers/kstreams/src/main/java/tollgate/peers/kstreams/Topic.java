// The two ends of a run over Kafka, in processes of their own so that their work is nobody's who is measured.
//
// `load` makes topics of one partition and fills the input with the lines of a file; `drain` reads what is committed, as
// it comes, into a file of lines, and ends after so many of them. A value may hold several lines (packed decisions).
//
// usage: Topic load BROKER FILE EVENTS INPUT OUTPUT...     Topic drain BROKER OUTPUT EVENTS FILE     Topic wait BROKER
package tollgate.peers.kstreams;

import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import tollgate.peers.job.Lines;

public final class Topic {
  private static final Duration SILENCE_MAX = Duration.ofSeconds(90);

  private Topic() {}

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "load" -> load(args[1], args[2], Long.parseLong(args[3]), args[4], Arrays.asList(args).subList(4, args.length));
      case "drain" -> drain(args[1], args[2], Long.parseLong(args[3]), args[4]);
      case "wait" -> {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[1]))) {
          admin.describeCluster().nodes().get(60, TimeUnit.SECONDS);
        }
      }
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  private static void load(String broker, String file, long events, String input, List<String> topics) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
      List<NewTopic> made = new ArrayList<>();
      for (String topic : topics) made.add(new NewTopic(topic, 1, (short) 1).configs(Map.of("retention.ms", "-1")));
      admin.createTopics(made).all().get();
    }
    Properties settings = new Properties();
    settings.putAll(Map.of("bootstrap.servers", broker, "batch.size", 262_144, "linger.ms", 20));
    try (Lines lines = new Lines(file);
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (long event = 0; event < events && lines.next(); event++) {
        byte[] line = Arrays.copyOfRange(lines.buffer, lines.from, lines.from + lines.length);
        producer.send(new ProducerRecord<>(input, 0, null, line), (done, error) -> {
          if (error == null) return;
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
        });
      }
    }
  }

  private static void drain(String broker, String topic, long events, String file) throws Exception {
    Properties settings = new Properties();
    settings.putAll(Map.of("bootstrap.servers", broker, "isolation.level", "read_committed", "auto.offset.reset", "earliest",
        "enable.auto.commit", "false", "max.poll.records", 5_000, "fetch.min.bytes", 1 << 20, "fetch.max.wait.ms", 500));
    long rows = 0, heard = System.nanoTime();
    try (OutputStream out = new BufferedOutputStream(new FileOutputStream(file), 1 << 20);
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(List.of(new TopicPartition(topic, 0)));
      while (rows < events) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          byte[] value = record.value();
          out.write(value);
          if (value[value.length - 1] != '\n') {
            out.write('\n');
            rows++;
          }
          for (byte one : value) if (one == '\n') rows++;
          heard = System.nanoTime();
        }
        if (System.nanoTime() - heard > SILENCE_MAX.toNanos()) throw new IllegalStateException(topic + " ends after " + rows + " rows");
      }
    }
  }
}

// Kafka as source and as sink: all of one partition up to its end when the job starts, answers in transactions.
//
// The invariant: exactly once. A transaction is committed with its checkpoint, so answers come out once per checkpoint.
package tollgate.peers.flink;

import java.io.IOException;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import tollgate.peers.job.Swipe;

final class Kafka {
  private Kafka() {}

  static DataStream<byte[]> source(StreamExecutionEnvironment env, String broker, String topic) {
    KafkaSource<byte[]> source = KafkaSource.<byte[]>builder()
        .setBootstrapServers(broker)
        .setTopics(topic)
        .setGroupId(topic + "-flink")
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setBounded(OffsetsInitializer.latest())
        .setProperty("max.poll.records", "5000")
        .setProperty("max.partition.fetch.bytes", "8388608")
        .setDeserializer(new Parse())
        .build();
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "kafka", Stream.BYTES);
  }

  static KafkaSink<byte[]> sink(String broker, String topic) {
    return KafkaSink.<byte[]>builder()
        .setBootstrapServers(broker)
        .setRecordSerializer(new Row(topic))
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(topic)
        .setProperty("transaction.timeout.ms", "600000")
        .setProperty("batch.size", "262144")
        .setProperty("linger.ms", "20")
        .setProperty("buffer.memory", "134217728")
        .build();
  }

  static final class Parse implements KafkaRecordDeserializationSchema<byte[]> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<byte[]> out) throws IOException {
      out.collect(Swipe.parse(record.value(), 0, record.value().length));
    }

    @Override
    public TypeInformation<byte[]> getProducedType() {
      return Stream.BYTES;
    }
  }

  record Row(String topic) implements KafkaRecordSerializationSchema<byte[]> {
    @Override
    public ProducerRecord<byte[], byte[]> serialize(byte[] swipe, KafkaSinkContext context, Long timestamp) {
      return new ProducerRecord<>(topic, 0, null, Swipe.row(swipe));
    }
  }
}

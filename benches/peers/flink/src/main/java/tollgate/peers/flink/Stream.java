// The job on Flink's DataStream: four keyed stages one after another, each with one value of state per key.
//
// Best settings, all in Settings: object reuse, no generic types, one slot. On the heap a key's state is an int array
// changed in place; on RocksDB it is the bytes that lie on disk. `chain` hands a swipe on by a call, which at
// parallelism 1 is allowed and cheapest; `shuffle` is the same job as it would run on more slots, with keyBy between stages.
//
// usage: Stream heap|rocks chain|shuffle CHECKPOINT_MS DIRECTORY file INPUT OUTPUT
//        Stream heap|rocks chain|shuffle CHECKPOINT_MS DIRECTORY kafka BROKER INPUT OUTPUT
package tollgate.peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import tollgate.peers.job.Swipe;
import tollgate.peers.job.Windows;

public final class Stream {
  static final TypeInformation<byte[]> BYTES = PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;

  private Stream() {}

  public static void main(String[] args) throws Exception {
    boolean rocks = args[0].equals("rocks"), shuffle = args[1].equals("shuffle"), kafka = args[4].equals("kafka");
    StreamExecutionEnvironment env = Settings.environment(rocks, Long.parseLong(args[2]), args[3]);
    DataStream<byte[]> swipes = kafka ? Kafka.source(env, args[5], args[6]) : Files.source(env, args[5]);
    for (int which = 0; which < Swipe.KEYS; which++) {
      Key key = new Key(which);
      KeyedStream<byte[], Long> keyed = shuffle
          ? swipes.keyBy(key, Types.LONG)
          : DataStreamUtils.reinterpretAsKeyedStream(swipes, key, Types.LONG);
      swipes = keyed.process(rocks ? new OnDisk(which) : new OnHeap(which)).returns(BYTES).name("windows " + which);
    }
    if (kafka) swipes.sinkTo(Kafka.sink(args[5], args[7]));
    else swipes.sinkTo(new Files.Rows<>(args[6], Swipe::row));
    env.execute("peers");
    System.exit(0);
  }

  record Key(int which) implements KeySelector<byte[], Long> {
    @Override
    public Long getKey(byte[] swipe) {
      return Swipe.key(swipe, which);
    }
  }

  static final class OnHeap extends KeyedProcessFunction<Long, byte[], byte[]> {
    private final int which;
    private transient ValueState<int[]> rings;

    OnHeap(int which) {
      this.which = which;
    }

    @Override
    public void open(OpenContext context) {
      rings = getRuntimeContext().getState(new ValueStateDescriptor<>("ring", PrimitiveArrayTypeInfo.INT_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(byte[] swipe, Context context, Collector<byte[]> out) throws Exception {
      int[] old = rings.value(), ring = Windows.ring(old, swipe, which);
      if (ring != old) rings.update(ring); // value() has copied what a running checkpoint still reads
      out.collect(swipe);
    }
  }

  static final class OnDisk extends KeyedProcessFunction<Long, byte[], byte[]> {
    private final int which;
    private transient ValueState<byte[]> lives;

    OnDisk(int which) {
      this.which = which;
    }

    @Override
    public void open(OpenContext context) {
      lives = getRuntimeContext().getState(new ValueStateDescriptor<>("live", BYTES));
    }

    @Override
    public void processElement(byte[] swipe, Context context, Collector<byte[]> out) throws Exception {
      lives.update(Windows.bytes(lives.value(), swipe, which));
      out.collect(swipe);
    }
  }
}

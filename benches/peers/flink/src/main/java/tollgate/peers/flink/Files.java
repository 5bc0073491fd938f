// A file as source and as sink, cheaper than Flink's own: no splits, no rolling, no commit. This favours Flink.
//
// The invariant: the source ends after the last line, and then the sink has written all rows.
package tollgate.peers.flink;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import tollgate.peers.job.Lines;
import tollgate.peers.job.Swipe;

final class Files {
  private Files() {}

  /** A bounded sequence of as many numbers as there are lines; each number takes the next line. */
  static DataStream<byte[]> source(StreamExecutionEnvironment env, String path) throws IOException {
    long count = 0;
    try (Lines lines = new Lines(path)) {
      while (lines.next()) count++;
    }
    return env.fromSequence(1, count).map(new Line(path)).returns(Stream.BYTES);
  }

  static final class Line extends RichMapFunction<Long, byte[]> {
    private final String path;
    private transient Lines lines;

    Line(String path) {
      this.path = path;
    }

    @Override
    public void open(OpenContext context) throws IOException {
      lines = new Lines(path);
    }

    @Override
    public byte[] map(Long number) throws IOException {
      if (!lines.next()) throw new IOException("the file has become shorter");
      return Swipe.parse(lines.buffer, lines.from, lines.length);
    }

    @Override
    public void close() throws IOException {
      if (lines != null) lines.close();
    }
  }

  /** Writes a row into a buffer at a place, and says where it ends. */
  interface Format<T> extends Serializable {
    int row(T value, byte[] out, int at);
  }

  record Rows<T>(String path, Format<T> format) implements Sink<T> {
    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) throws IOException {
      return new Writer<>(new FileOutputStream(path), format);
    }
  }

  private static final class Writer<T> implements SinkWriter<T> {
    private final OutputStream file;
    private final Format<T> format;
    private final byte[] buffer = new byte[1 << 16];
    private int end;

    Writer(OutputStream file, Format<T> format) {
      this.file = file;
      this.format = format;
    }

    @Override
    public void write(T value, Context context) throws IOException {
      end = format.row(value, buffer, end);
      buffer[end++] = '\n';
      if (buffer.length - end <= Swipe.MAX_ROW) flush(false);
    }

    @Override
    public void flush(boolean last) throws IOException {
      file.write(buffer, 0, end);
      end = 0;
    }

    @Override
    public void close() throws IOException {
      flush(true);
      file.close();
    }
  }
}

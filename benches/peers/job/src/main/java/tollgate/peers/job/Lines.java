// The lines of a file as spans of one buffer, without a copy or a text per line.
//
// The invariant: after next() gave true, buffer[from, from + length) is a whole line without its end.
package tollgate.peers.job;

import java.io.Closeable;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;

public final class Lines implements Closeable {
  public final byte[] buffer = new byte[1 << 20];
  public int from, length;
  private int next, end;
  private final InputStream file;

  public Lines(String path) throws IOException {
    file = new FileInputStream(path);
  }

  public boolean next() throws IOException {
    from = next;
    for (int at = next; ; at++) {
      if (at == end) {
        int held = end - from;
        System.arraycopy(buffer, from, buffer, 0, held);
        from = 0;
        at = end = held;
        int read = end == buffer.length ? -1 : file.read(buffer, end, buffer.length - end);
        if (read <= 0) {
          if (held > 0) throw new IOException("the last line has no end, or a line is longer than the buffer");
          return false;
        }
        end += read;
      }
      if (buffer[at] == '\n') {
        length = at - from;
        next = at + 1;
        return true;
      }
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}

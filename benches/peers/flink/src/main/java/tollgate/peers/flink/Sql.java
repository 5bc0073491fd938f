// The job as Flink SQL: OVER with RANGE, as a user who wants no Java would write it.
//
// One query takes one OVER window, so twelve are nested. An OVER over event time counts all rows of its own time, also
// those further on in the input: the answers are those of the job only where no two events have the same time, so the
// input must have at most 200,000 keys (one event per millisecond or slower).
// Best settings: fingerprints as keys, a long to sum, in process, no checkpoint.
//
// usage: Sql heap|rocks DIRECTORY INPUT OUTPUT
package tollgate.peers.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import tollgate.peers.job.Swipe;

public final class Sql {
  private static final String[] KEYS = {"card", "merchant", "device", "ip"};
  private static final int[] MINUTES = {1, 10, 60};
  /** OVER includes its far end, and the job's windows do not. Times are whole milliseconds. */
  private static final String RANGE = "RANGE BETWEEN INTERVAL '0 00:%02d:59.999' DAY TO SECOND(3) PRECEDING AND CURRENT ROW";

  private Sql() {}

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = Settings.environment(args[0].equals("rocks"), 0, args[1]);
    StreamTableEnvironment tables = StreamTableEnvironment.create(env);
    TypeInformation<Row> type = Types.ROW_NAMED(
        new String[] {"id", "ts", "card", "merchant", "device", "ip", "amount"},
        Types.STRING, Types.LONG, Types.LONG, Types.LONG, Types.LONG, Types.LONG, Types.LONG);
    DataStream<Row> swipes = Files.source(env, args[2]).map(Sql::fields).returns(type).assignTimestampsAndWatermarks(
        WatermarkStrategy.<Row>forMonotonousTimestamps().withTimestampAssigner((row, old) -> (long) row.getField(1)));
    tables.createTemporaryView("swipes", swipes, Schema.newBuilder()
        .column("id", "STRING NOT NULL").column("ts", "BIGINT NOT NULL")
        .column("card", "BIGINT NOT NULL").column("merchant", "BIGINT NOT NULL")
        .column("device", "BIGINT NOT NULL").column("ip", "BIGINT NOT NULL").column("amount", "BIGINT NOT NULL")
        .columnByMetadata("happened", DataTypes.TIMESTAMP_LTZ(3), "rowtime").watermark("happened", "SOURCE_WATERMARK()").build());
    tables.toDataStream(tables.sqlQuery(query())).sinkTo(new Files.Rows<>(args[3], Sql::text));
    env.execute("peers");
    System.exit(0);
  }

  private static Row fields(byte[] swipe) {
    return Row.of(Swipe.id(swipe), Swipe.epochMs(swipe), Swipe.key(swipe, 0), Swipe.key(swipe, 1), Swipe.key(swipe, 2),
        Swipe.key(swipe, 3), (long) Swipe.amount(swipe));
  }

  private static String query() {
    String from = "swipes", columns = "id, card, merchant, device, ip, amount, happened", answers = "id";
    for (String key : KEYS) {
      for (int minutes : MINUTES) {
        String name = key + minutes, range = RANGE.formatted(minutes - 1);
        from = "(SELECT " + columns + ", COUNT(*) OVER w AS c_" + name + ", SUM(amount) OVER w AS s_" + name + " FROM " + from
            + " WINDOW w AS (PARTITION BY " + key + " ORDER BY happened " + range + "))";
        answers += ", c_" + name + ", s_" + name;
        columns += ", c_" + name + ", s_" + name;
      }
    }
    return "SELECT " + answers + " FROM " + from;
  }

  private static int text(Row row, byte[] out, int at) {
    for (int field = 0; field < row.getArity(); field++) {
      if (field > 0) out[at++] = ' ';
      byte[] text = row.getField(field).toString().getBytes(StandardCharsets.US_ASCII);
      System.arraycopy(text, 0, out, at, text.length);
      at += text.length;
    }
    return at;
  }
}

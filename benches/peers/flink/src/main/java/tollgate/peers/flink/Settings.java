// Flink's settings for all its jobs here: one process, one slot, and what its manual says is fastest.
//
// RocksDB: bloom filters, no compression, incremental checkpoints, and so much managed memory that the block cache and
// the memtables hold the state of a run.
package tollgate.peers.flink;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

final class Settings {
  private Settings() {}

  /** Checkpoints every so many milliseconds, exactly once; 0 is none. The directory takes RocksDB and checkpoints. */
  static StreamExecutionEnvironment environment(boolean rocks, long checkpointMs, String directory) {
    Configuration config = new Configuration();
    config.setString("parallelism.default", "1");
    config.setString("taskmanager.numberOfTaskSlots", "1");
    config.setString("pipeline.object-reuse", "true");
    config.setString("execution.buffer-timeout.interval", "100ms");
    config.setString("restart-strategy.type", "disable");
    config.setString("taskmanager.memory.managed.size", rocks ? "2g" : "64m");
    config.setString("state.backend.type", rocks ? "rocksdb" : "hashmap");
    if (rocks) {
      config.setString("state.backend.rocksdb.localdir", directory + "/rocks");
      config.setString("state.backend.rocksdb.predefined-options", "FLASH_SSD_OPTIMIZED");
      config.setString("state.backend.rocksdb.use-bloom-filter", "true");
      config.setString("state.backend.rocksdb.compression.per.level", "NO_COMPRESSION");
      config.setString("execution.checkpointing.incremental", "true");
    }
    if (checkpointMs > 0) {
      config.setString("execution.checkpointing.interval", checkpointMs + "ms");
      config.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
      config.setString("execution.checkpointing.storage", "filesystem");
      config.setString("execution.checkpointing.dir", "file://" + directory + "/checkpoints");
    }
    return StreamExecutionEnvironment.createLocalEnvironment(1, config);
  }
}

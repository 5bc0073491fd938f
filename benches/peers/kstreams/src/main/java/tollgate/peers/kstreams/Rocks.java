// RocksDB for Kafka Streams: memtables and one shared block cache that hold the state of a run, a hash index within
// blocks, no compression.
package tollgate.peers.kstreams;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.DataBlockIndexType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

public final class Rocks implements RocksDBConfigSetter {
  private static final Cache CACHE;

  static {
    RocksDB.loadLibrary();
    CACHE = new LRUCache(1L << 30);
  }

  @Override
  public void setConfig(String store, Options options, Map<String, Object> settings) {
    BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
    table.setBlockCache(CACHE);
    table.setFilterPolicy(new BloomFilter(10, false));
    table.setDataBlockIndexType(DataBlockIndexType.kDataBlockBinaryAndHash);
    table.setDataBlockHashTableUtilRatio(0.75);
    options.setTableFormatConfig(table);
    options.setWriteBufferSize(64L << 20);
    options.setMaxWriteBufferNumber(3);
    options.setCompressionType(CompressionType.NO_COMPRESSION);
  }

  @Override
  public void close(String store, Options options) {}
}

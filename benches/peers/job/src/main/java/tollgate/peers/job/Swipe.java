// A swipe as one packed byte array: what the framework moves, and what each stage writes its answers into.
//
// The idea: a byte array crosses any boundary of a framework as a plain copy, so no peer pays for a serializer. Keys are
// 64-bit fingerprints of their texts, which favours the peers: Tollgate keeps the keys themselves. The invariant: all
// offsets are here.
package tollgate.peers.job;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

public final class Swipe {
  /** How many keys a swipe has: card, merchant, device, ip. */
  public static final int KEYS = 4;
  /** Times in state are milliseconds from here in 31 bits, which reaches for 24 days: 2026-01-01. */
  static final long BASE_MS = 1_767_225_600_000L;

  private static final int ID_BYTES = 12, TIME = 12, AMOUNT = 20, KEY = 24;
  /** Per key, per window: count as int, sum as long. */
  private static final int ANSWER = KEY + 8 * KEYS, ANSWER_BYTES = 12, BYTES = ANSWER + ANSWER_BYTES * KEYS * Windows.COUNT;
  private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final JsonFactory JSON = new JsonFactory();

  private Swipe() {}

  /** Milliseconds since BASE_MS. */
  public static int time(byte[] swipe) {
    return (int) ((long) LONG.get(swipe, TIME) - BASE_MS);
  }

  /** Milliseconds since 1970. */
  public static long epochMs(byte[] swipe) {
    return (long) LONG.get(swipe, TIME);
  }

  public static int amount(byte[] swipe) {
    return (int) INT.get(swipe, AMOUNT);
  }

  public static long key(byte[] swipe, int which) {
    return (long) LONG.get(swipe, KEY + 8 * which);
  }

  static void answer(byte[] swipe, int which, int window, int count, long sum) {
    int at = ANSWER + ANSWER_BYTES * (Windows.COUNT * which + window);
    INT.set(swipe, at, count);
    LONG.set(swipe, at + 4, sum);
  }

  public static String id(byte[] swipe) {
    return new String(swipe, 0, ID_BYTES, java.nio.charset.StandardCharsets.US_ASCII);
  }

  /** Reads JSON token by token: no tree, no text but the two that have to be looked at. */
  public static byte[] parse(byte[] json, int from, int length) throws IOException {
    byte[] swipe = new byte[BYTES];
    int missing = 3 + KEYS;
    try (JsonParser parser = JSON.createParser(json, from, length)) {
      parser.nextToken();
      for (String name; missing > 0 && (name = parser.nextFieldName()) != null; missing--) {
        switch (name) {
          case "id" -> id(parser, swipe);
          case "ts" -> LONG.set(swipe, TIME, BASE_MS + Math.toIntExact(parser.nextLongValue(0) - BASE_MS));
          case "amount" -> INT.set(swipe, AMOUNT, parser.nextIntValue(0));
          case "card" -> LONG.set(swipe, KEY, fingerprint(parser));
          case "merchant" -> LONG.set(swipe, KEY + 8, fingerprint(parser));
          case "device" -> LONG.set(swipe, KEY + 16, fingerprint(parser));
          case "ip" -> LONG.set(swipe, KEY + 24, fingerprint(parser));
          default -> throw new IOException("unexpected " + name);
        }
      }
    }
    if (missing > 0) throw new IOException("a field is missing");
    return swipe;
  }

  private static void id(JsonParser parser, byte[] swipe) throws IOException {
    parser.nextToken();
    if (parser.getTextLength() != ID_BYTES) throw new IOException("an id has " + ID_BYTES + " characters");
    char[] text = parser.getTextCharacters();
    int at = parser.getTextOffset();
    for (int i = 0; i < ID_BYTES; i++) swipe[i] = (byte) text[at + i];
  }

  private static long fingerprint(JsonParser parser) throws IOException {
    parser.nextToken();
    char[] text = parser.getTextCharacters();
    int at = parser.getTextOffset(), end = at + parser.getTextLength();
    long hash = 0xcbf29ce484222325L; // FNV-1a, then the finish of SplitMix64
    for (; at < end; at++) hash = (hash ^ text[at]) * 0x100000001b3L;
    hash = (hash ^ (hash >>> 30)) * 0xbf58476d1ce4e5b9L;
    hash = (hash ^ (hash >>> 27)) * 0x94d049bb133111ebL;
    return hash ^ (hash >>> 31);
  }

  /** The answer as text, id and 24 numbers, without a line end: see reference/reference.py for their order. */
  public static byte[] row(byte[] swipe) {
    byte[] text = new byte[MAX_ROW];
    return java.util.Arrays.copyOf(text, row(swipe, text, 0));
  }

  /** Writes the row into a buffer with room for MAX_ROW bytes; gives where it ends. */
  public static int row(byte[] swipe, byte[] out, int at) {
    System.arraycopy(swipe, 0, out, at, ID_BYTES);
    at += ID_BYTES;
    for (int value = ANSWER; value < BYTES; value += ANSWER_BYTES) {
      at = number((int) INT.get(swipe, value), out, at);
      at = number((long) LONG.get(swipe, value + 4), out, at);
    }
    return at;
  }

  /** More than any row has. */
  public static final int MAX_ROW = 512;

  private static int number(long value, byte[] out, int at) {
    out[at++] = ' ';
    int end = at + 1;
    for (long rest = value; rest >= 10; rest /= 10) end++;
    for (int i = end - 1; i >= at; i--, value /= 10) out[i] = (byte) ('0' + value % 10);
    return end;
  }
}

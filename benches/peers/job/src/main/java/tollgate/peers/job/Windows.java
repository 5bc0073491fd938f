// The windows of one key in one value: every live event, oldest first, and from it count and sum of each window.
//
// The idea: one list of events serves all three windows. On the heap it is a ring with running sums, changed in place, so
// an event costs what it adds and what expires; as bytes it is written anew each time, which a store that keeps bytes
// asks for anyway. The invariant: a window is (t - w, t], events come in order of time, and the newest is always inside.
package tollgate.peers.job;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

public final class Windows {
  /** 1 min, 10 min, 1 h. */
  static final int[] MS = {60_000, 600_000, 3_600_000};
  static final int COUNT = MS.length;

  private static final int LONGEST = COUNT - 1;
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  // A ring: [0] where the next event goes, [1..] where each window begins, then each sum as two ints, then the events
  // as (time, amount). Positions only grow; their low bits are the place.
  private static final int BEGIN = 1, SUM = BEGIN + COUNT, EVENTS = SUM + 2 * COUNT, FIRST_ROOM = 4;

  private Windows() {}

  /** For state kept as bytes: the new value, without what has expired. */
  public static byte[] bytes(byte[] old, byte[] swipe, int which) {
    int now = Swipe.time(swipe), from = 0, end = old == null ? 0 : old.length;
    while (from < end && (int) INT.get(old, from) <= now - MS[LONGEST]) from += 8;
    byte[] live = new byte[end - from + 8];
    if (from < end) System.arraycopy(old, from, live, 0, end - from);
    INT.set(live, live.length - 8, now);
    INT.set(live, live.length - 4, Swipe.amount(swipe));
    int window = 0, count = 0;
    long sum = 0;
    for (int at = live.length - 8; at >= 0; at -= 8) { // newest first: each window ends where its time does
      int time = (int) INT.get(live, at);
      for (; time <= now - MS[window]; window++) Swipe.answer(swipe, which, window, count, sum);
      count++;
      sum += (int) INT.get(live, at + 4);
    }
    for (; window < COUNT; window++) Swipe.answer(swipe, which, window, count, sum);
    return live;
  }

  /** For state kept as objects: the same array, changed, or a larger one. */
  public static int[] ring(int[] ring, byte[] swipe, int which) {
    int now = Swipe.time(swipe), amount = Swipe.amount(swipe);
    if (ring == null) ring = new int[EVENTS + 2 * FIRST_ROOM];
    for (int window = 0; window < COUNT; window++) expire(ring, window, now - MS[window]);
    if (ring[0] - ring[BEGIN + LONGEST] == room(ring)) ring = grown(ring);
    int at = place(ring, ring[0]++, room(ring) - 1);
    ring[at] = now;
    ring[at + 1] = amount;
    for (int window = 0; window < COUNT; window++) {
      long sum = sum(ring, window) + amount;
      set(ring, window, sum);
      Swipe.answer(swipe, which, window, ring[0] - ring[BEGIN + window], sum);
    }
    return ring;
  }

  private static void expire(int[] ring, int window, int limit) {
    int begin = ring[BEGIN + window], end = ring[0], mask = room(ring) - 1;
    if (begin == end || ring[place(ring, begin, mask)] > limit) return;
    long sum = sum(ring, window);
    for (; begin != end; begin++) {
      int at = place(ring, begin, mask);
      if (ring[at] > limit) break;
      sum -= ring[at + 1];
    }
    ring[BEGIN + window] = begin;
    set(ring, window, sum);
  }

  private static int[] grown(int[] old) {
    int room = room(old);
    int[] ring = new int[EVENTS + 4 * room];
    System.arraycopy(old, 0, ring, 0, EVENTS);
    for (int event = old[BEGIN + LONGEST]; event != old[0]; event++) {
      System.arraycopy(old, place(old, event, room - 1), ring, place(ring, event, 2 * room - 1), 2);
    }
    return ring;
  }

  private static int room(int[] ring) {
    return (ring.length - EVENTS) / 2;
  }

  private static int place(int[] ring, int event, int mask) {
    return EVENTS + 2 * (event & mask);
  }

  private static long sum(int[] ring, int window) {
    return ring[SUM + 2 * window] & 0xffff_ffffL | (long) ring[SUM + 2 * window + 1] << 32;
  }

  private static void set(int[] ring, int window, long sum) {
    ring[SUM + 2 * window] = (int) sum;
    ring[SUM + 2 * window + 1] = (int) (sum >>> 32);
  }
}

// The floor of a round: the same client triggers a route that appends one batch, makes it durable
// and answers with one event; see `servers/floor-server.ts`.

import { Latencies } from "./latencies.ts";
import type { LoadClient } from "./load-client.ts";

/** `count` requests in the same moment: until the event of each is there. */
export async function floorBurst(
  client: LoadClient,
  count: number,
  body: unknown,
): Promise<Latencies> {
  const latencies = new Latencies();
  const from = performance.now();
  await Promise.all(
    Array.from({ length: count }, () => {
      const event = ({ at }: { at: number }): void => latencies.add(at - from);
      return client.tail("/append", body, { event }).ended;
    }),
  );
  return latencies;
}

// The processes of a simulated machine, of which one at a time is alive.

import type { Processes } from "../../src/log/index.ts";

/** As the process sees it that `started` then: all others are dead. */
export function simulatedProcesses(started: string | number): Processes {
  const own = String(started);
  return {
    self: () => ({ pid: 1, boot: "simulated", started: own, host: "simulated" }),
    isAlive: (holder) => holder.started === own,
    pause: () => Promise.resolve(),
  };
}

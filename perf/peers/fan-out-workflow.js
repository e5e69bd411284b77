/**
 * The workflow that Temporal replays: the same work as `perf/programs/fan-out-agent.ts`, turn after
 * turn one activity and then several at once.
 */
import { proxyActivities } from "@temporalio/workflow";

const activities = proxyActivities({ startToCloseTimeout: "60s" });

export async function fanOutWorkflow({ turns, width }) {
  let characters = 0;
  for (let turn = 0; turn < turns; turn++) {
    const prompt = `What is to be done in turn ${turn} of this session?`;
    const { text } = await activities.think({ turn, prompt });
    characters += text.length;
    const found = await Promise.all(
      Array.from({ length: width }, (_, part) => {
        const query = `sources for part ${part} of turn ${turn}`;
        return activities.look({ turn, part, query });
      }),
    );
    for (const { text } of found) characters += text.length;
  }
  return characters;
}

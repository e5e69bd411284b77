// A stream that comes out again piece by piece, for agents that act on an answer before it is
// complete: each piece is an effect. It costs two events and two waits for the disk a piece.

import type { SessionRecorder } from "reach-replay";

/** What `start` streams; in a rerun the pieces come from the log, and nothing is started. */
export async function* recordedStream<Piece>(
  session: SessionRecorder,
  name: string,
  input: unknown,
  start: () => AsyncIterable<Piece>,
): AsyncGenerator<Piece, void> {
  let source: AsyncIterator<Piece> | undefined;
  try {
    for (let at = 0; ; at++) {
      const next = await session.effect(name, at === 0 ? input : { at }, async () => {
        source ??= start()[Symbol.asyncIterator]();
        const { done, value } = await source.next();
        return done ? null : { value };
      });
      if (next === null) return;
      yield next.value;
    }
  } finally {
    await source?.return?.();
  }
}

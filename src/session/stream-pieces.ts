/**
 * A stream of the web, such as a file that somebody chose or the body of an answer, as the pieces
 * that whoever reads bundles takes.
 */

/** Not every browser can go through a stream with `for await`. */
export async function* piecesOfStream(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

/**
 * Verifies a bundle beside the page, which stays answering: the code of `reach verify`. The bundle
 * comes from the server, as it is read, or is a file that somebody chose.
 */
import { messageOf, type SessionId } from "../base/index.ts";
import { ReachClient } from "../client/index.ts";
import { type BundleReport, piecesOfStream, verifyBundle } from "../session/index.ts";

/** What the page asks. */
export interface CheckOrder {
  /** A session of a server, or a bundle. */
  readonly of:
    | { readonly url: string; readonly token: string | undefined; readonly id: SessionId }
    | Blob;
  /** The key to trust; without one the key that the bundle brings along. */
  readonly verifierKey: string | undefined;
}

/** What it hears: how many bytes have been read, then one of the others. */
export type CheckNews =
  | { readonly done: number }
  | { readonly report: BundleReport }
  | { readonly failed: string };

const progressMs = 100;

addEventListener("message", ({ data }: MessageEvent<CheckOrder>) => {
  check(data).then(
    (report) => tell({ report }),
    (error: unknown) => tell({ failed: messageOf(error) }),
  );
});

function tell(news: CheckNews): void {
  postMessage(news);
}

async function check({ of, verifierKey }: CheckOrder): Promise<BundleReport> {
  let told = 0;
  const options = {
    ...(verifierKey !== undefined && { verifierKey }),
    onProgress: ({ done }: { readonly done: number }) => {
      if (performance.now() - told < progressMs) return;
      told = performance.now();
      tell({ done });
    },
  };
  if (of instanceof Blob) return verifyBundle(piecesOfStream(of.stream()), options);
  const { url, token, id } = of;
  const body = await new ReachClient({ url, token }).bundle(id);
  const report = await verifyBundle(piecesOfStream(body), options);
  if (report.id === id) return report;
  throw new Error(`the server sent the bundle of session ${report.id}`);
}

/**
 * The page that brings its session along (`reach export --format html`): verified here when it is
 * opened, and shown only then. It asks nobody for anything; what it shows is in the file.
 */
import { render } from "preact";
import { useState } from "preact/hooks";
import { ReachError } from "../base/index.ts";
import type { SessionInfo } from "../client/index.ts";
import { HeldBundle, piecesOfStream } from "../session/index.ts";
import { Verdict } from "./checking.tsx";
import { HeldSession } from "./held-session.ts";
import { Failure, useLoaded } from "./loading.tsx";
import type { Pane } from "./route.ts";
import { Heading } from "./session-view.tsx";
import { Transcript } from "./transcript-view.tsx";
import { useRoute } from "./use-route.ts";
import { byteSize } from "./wording.ts";

function Page({ embedded }: { readonly embedded: () => Blob }) {
  const [key, setKey] = useState("");
  const [done, setDone] = useState(0);
  const { value, error, loading } = useLoaded(
    async (signal) => {
      setDone(0);
      const onProgress = (progress: { readonly done: number }): void => setDone(progress.done);
      const options = { onProgress, signal, ...(key && { verifierKey: key }) };
      const bundle = await HeldBundle.read(piecesOf(embedded()), options);
      const held = new HeldSession(bundle);
      const session = bundle.manifest && (await held.session());
      return { report: bundle.report, held, session };
    },
    [embedded, key],
  );
  const { report, held, session } = value ?? {};
  return (
    <main class="session">
      {session && <Heading session={session}>{null}</Heading>}
      <Failure error={error} />
      <p class="check">
        {/* What was found by the key before says nothing of this one. */}
        {loading ? (
          <span class="dim">verifying … {byteSize(done)}</span>
        ) : (
          report && <Verdict report={report} />
        )}
      </p>
      <KeyForm offered={report?.verifierKey ?? null} setKey={setKey} />
      {held && session && report?.integrity === "intact" && (
        <Events held={held} session={session} />
      )}
    </main>
  );
}

function Events({ held, session }: { readonly held: HeldSession; readonly session: SessionInfo }) {
  const { id } = session;
  const route = useRoute();
  const here = { page: "session", id, seq: undefined, pane: "event" } as const;
  const panes: readonly Pane[] = held.hasStates ? ["event", "state"] : ["event"];
  return (
    <Transcript
      source={held}
      session={session}
      route={route.page === "session" && route.id === id ? route : here}
      panes={panes}
      grows={false}
    >
      {() => null}
    </Transcript>
  );
}

/** Whoever has the key from elsewhere gives it here; the one in the file may be anybody's. */
function KeyForm({
  offered,
  setKey,
}: {
  readonly offered: string | null;
  readonly setKey: (key: string) => void;
}) {
  return (
    <p class="check">
      <label>
        Key to trust{" "}
        <input
          class="key-text"
          placeholder="paste the one that you have from its owner"
          onChange={({ currentTarget }) => setKey(currentTarget.value.trim())}
        />
      </label>{" "}
      {offered !== null && (
        <span class="dim">
          this file says <code>{offered}</code>
        </span>
      )}
    </p>
  );
}

/** A page holds its session in memory; a small file can stand for any number of bytes. */
const heldBytesMax = 1024 ** 3;

/** The bytes of the bundle, decompressed as they are asked for. Throws `BUNDLE_INVALID`. */
async function* piecesOf(embedded: Blob): AsyncGenerator<Uint8Array> {
  const stream = embedded.stream().pipeThrough(new DecompressionStream("gzip"));
  let left = heldBytesMax;
  for await (const piece of piecesOfStream(stream)) {
    left -= piece.length;
    if (left < 0) {
      throw new ReachError("BUNDLE_INVALID", "this session has more than 1 GiB: no page holds it", {
        hint: "`reach verify FILE` and `reach events FILE` read it",
      });
    }
    yield piece;
  }
}

/**
 * What stands in an element in base64, perhaps in lines by now; the element is gone afterwards.
 * Throws `BUNDLE_INVALID`.
 */
function embeddedIn(element: Element): Blob {
  const text = (element.textContent ?? "").replace(/\s+/g, "");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const chars = 4 * 256 * 1024;
  try {
    for (let at = 0; at < text.length; at += chars) {
      parts.push(bytesOf(atob(text.slice(at, at + chars))));
    }
  } catch (cause) {
    throw new ReachError("BUNDLE_INVALID", "what this page holds is damaged", { cause });
  }
  element.remove();
  element.replaceChildren();
  return new Blob(parts);
}

function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** A copy that a browser saved has what was to see of the session, and nothing to verify. */
const notHere = new ReachError(
  "BUNDLE_INVALID",
  "this copy of the page holds no session any more",
  {
    hint: "a browser made it out of what it showed; open the file that it was made of",
  },
);

const place = document.getElementById("page");
const element = document.getElementById("bundle");
if (place) {
  place.replaceChildren();
  let blob: Blob | undefined;
  const embedded = (): Blob => {
    blob ??= element ? embeddedIn(element) : undefined;
    if (blob) return blob;
    throw notHere;
  };
  render(<Page embedded={embedded} />, place);
}

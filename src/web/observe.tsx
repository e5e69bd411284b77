/**
 * The observer's page: the sessions of a server, their events as they come, the state after any of
 * them, and whether all of it is what was signed. It only reads.
 */
import { render } from "preact";
import { useState } from "preact/hooks";
import { type Connection, connect, hasToken, keepToken } from "./connection.ts";
import { Failure, useLoaded } from "./loading.tsx";
import { pinKey, usePinnedKey } from "./pinned-key.ts";
import type { Route } from "./route.ts";
import { SessionList } from "./session-list.tsx";
import { SessionView } from "./session-view.tsx";
import { useRoute } from "./use-route.ts";

function Page() {
  const [tries, setTries] = useState(0);
  const { value, error, loading } = useLoaded(connect, [tries]);
  const route = useRoute();
  if (loading && !value) return null;
  return (
    <>
      <Top connection={value} />
      <Failure error={error} />
      {value && <KeyAlarm verifierKey={value.about.verifierKey} />}
      {value ? (
        <Place key={value.token} connection={value} route={route} />
      ) : (
        error === undefined && <TokenForm again={() => setTries(tries + 1)} />
      )}
    </>
  );
}

function Place({ connection, route }: { readonly connection: Connection; readonly route: Route }) {
  if (route.page === "sessions") return <SessionList connection={connection} />;
  return <SessionView key={route.id} connection={connection} route={route} />;
}

function Top({ connection }: { readonly connection: Connection | undefined }) {
  return (
    <nav class="top">
      <a href="#/">Reach</a>
      {connection && (
        <span class="dim">
          {connection.about.workspace} · {connection.about.version} ·{" "}
          <code title={connection.about.verifierKey}>{connection.about.origin}</code>
        </span>
      )}
      <span class="grow" />
      <a href="/docs">API</a>
      {connection?.token !== undefined && (
        <button
          type="button"
          onClick={() => {
            keepToken("");
            location.reload();
          }}
        >
          Forget the token
        </button>
      )}
    </nav>
  );
}

/** A server that has another key than the one that was trusted may be another server. */
function KeyAlarm({ verifierKey }: { readonly verifierKey: string }) {
  const pinned = usePinnedKey();
  if (pinned === undefined || pinned === verifierKey) return null;
  return (
    <p class="failure" role="alert">
      This server signs with another key than the one that you trust: <code>{pinned}</code>. What it
      shows as proved was not signed by that. Its key now is <code>{verifierKey}</code>.{" "}
      <button type="button" onClick={() => pinKey("")}>
        Trust the old key no longer
      </button>
    </p>
  );
}

function TokenForm({ again }: { readonly again: () => void }) {
  const [token, setToken] = useState("");
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        keepToken(token.trim());
        again();
      }}
    >
      {hasToken() && <p class="failure">This token is none that may read here.</p>}
      <label>
        This server wants a token; <code>sessions:read</code> is enough.{" "}
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
      </label>{" "}
      <button type="submit">Look</button>
    </form>
  );
}

const place = document.getElementById("page");
if (place) {
  place.replaceChildren();
  render(<Page />, place);
}

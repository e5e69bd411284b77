/**
 * Verifies the whole session in this page, from the bundle that the server sends: every event,
 * every payload, the tree and its signatures; by the key that somebody trusts, where there is one.
 */
import type { SessionId } from "../base/index.ts";
import { CheckOutcome, useCheck } from "./checking.tsx";
import type { Connection } from "./connection.ts";
import { pinnedKey } from "./pinned-key.ts";

/** A button, then the verdict. */
export function SessionCheck({
  connection: { url, token, about },
  id,
}: {
  readonly connection: Connection;
  readonly id: SessionId;
}) {
  const [checking, check] = useCheck();
  const begin = (): void => {
    const verifierKey = pinnedKey() ?? about.verifierKey;
    check({ of: { url, token, id }, verifierKey });
  };
  return (
    <p class="check">
      <button type="button" onClick={begin}>
        Verify all of it here
      </button>{" "}
      <CheckOutcome checking={checking} />
    </p>
  );
}

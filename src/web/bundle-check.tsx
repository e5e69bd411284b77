/**
 * Verifies a bundle that somebody has as a file, by the key that they trust. Nothing of it leaves
 * this page.
 */
import { useState } from "preact/hooks";
import { CheckOutcome, useCheck } from "./checking.tsx";

/** Chooses a bundle and the key to trust, at first that of the server. */
export function BundleCheck({ verifierKey }: { readonly verifierKey: string }) {
  const [key, setKey] = useState(verifierKey);
  const [checking, check] = useCheck();
  return (
    <details class="bundle">
      <summary>Verify a bundle</summary>
      <label>
        Key to trust{" "}
        <input
          class="key-text"
          defaultValue={key}
          placeholder="the one that the bundle brings along"
          onChange={({ currentTarget }) => setKey(currentTarget.value.trim())}
        />
      </label>{" "}
      <input
        type="file"
        aria-label="Bundle"
        onChange={({ currentTarget }) => {
          const [of] = currentTarget.files ?? [];
          check(of && { of, verifierKey: key || undefined });
        }}
      />{" "}
      <CheckOutcome checking={checking} />
    </details>
  );
}

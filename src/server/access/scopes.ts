/**
 * What a token may do. A token belongs to one workspace and never sees another; `admin` may do
 * everything there, `metrics` read figures, which are those of the whole server, and nothing else.
 */

/** Every scope. */
export const scopes = [
  "sessions:trigger",
  "sessions:append",
  "sessions:read",
  "sessions:control",
  "metrics",
  "admin",
] as const;

/** One of `scopes`. */
export type Scope = (typeof scopes)[number];

/** Whether `granted` allows what needs `scope`. */
export function allows(granted: ReadonlySet<Scope>, scope: Scope): boolean {
  return granted.has(scope) || granted.has("admin");
}

/** Whether `text` is the name of a scope. */
export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

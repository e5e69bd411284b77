/**
 * Schemas that several routes share. They are the types of the handlers, the checks of requests and
 * the OpenAPI document at once.
 */
import * as Type from "typebox";
import { type EventKind, eventKinds } from "../event/index.ts";
import { ProblemDocument, problemType } from "./problem.ts";

/** A session id: a UUID in lower case. Anything else never reaches the disk. */
export const SessionIdParam = Type.String({
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
  description: "Session id",
});

/** The path of a session's routes. */
export const SessionParams = Type.Object({ id: SessionIdParam }, { additionalProperties: false });

/** A seq, or a number of events. */
export const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** One of some words. */
export function oneOf<Word extends string>(
  words: readonly Word[],
  options: { readonly description?: string } = {},
): ReturnType<typeof Type.Unsafe<Word>> {
  return Type.Unsafe<Word>({ type: "string", enum: [...words], ...options });
}

/** The kind of an event. */
export const Kind: ReturnType<typeof oneOf<EventKind>> = oneOf(eventKinds);

/** SHA-256, 64 hexadecimal digits. */
export const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });

/** Every media type of errors with its schema. */
const problem = { description: "Problem", content: { [problemType]: { schema: ProblemDocument } } };

/** Statuses that every route may answer with. */
const everywhere = [400, 401, 403, 404, 413, 415, 422, 429, 500, 503] as const;

/** The answers of a route: JSON of one schema, or a problem. */
export function answers(
  status: number,
  schema: Type.TSchema,
  others: readonly number[] = [],
): Record<number, object> {
  const content = { "application/json": { schema } };
  return { ...problems(others), [status]: { description: "Answer", content } };
}

/** The problems of a route, beside those that every route may have. */
export function problems(others: readonly number[] = []): Record<number, object> {
  return Object.fromEntries([...everywhere, ...others].map((status) => [status, problem]));
}

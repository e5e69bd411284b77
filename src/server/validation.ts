/**
 * Checking requests against their schemas. A body must be as its schema says; parameters and query
 * arrive as text, and only text that is a number or a boolean to the letter is taken for one.
 */

import type { FastifySchemaCompiler } from "fastify";
import * as Type from "typebox";
import { Compile } from "typebox/schema";
import { HttpError } from "./problem.ts";

type Properties = Readonly<Record<string, { readonly type?: string }>>;

/**
 * The validator of one part of a request. It is compiled when the first request comes: all of them
 * together take 45 ms, in which a server could already answer.
 */
export const requestValidator: FastifySchemaCompiler<Type.TSchema> = ({ schema, httpPart }) => {
  let compiled: ReturnType<typeof Compile> | undefined;
  const { properties } = schema as { properties?: Properties };
  return (value: unknown) => {
    // A route whose body may be left out says so with an optional schema.
    if (httpPart === "body" && value == null && Type.IsOptional(schema)) return { value };
    const read = httpPart === "body" ? value : fromText(value, properties ?? {});
    compiled ??= Compile(schema);
    if (compiled.Check(read)) return { value: read };
    return { error: invalid(httpPart ?? "body", compiled.Errors(read)[1]) };
  };
};

function fromText(value: unknown, properties: Properties): unknown {
  if (typeof value !== "object" || value === null) return value;
  const read: Record<string, unknown> = { ...value };
  for (const [name, { type }] of Object.entries(properties)) {
    const text = read[name];
    if (typeof text !== "string") continue;
    if (type === "integer" && /^(?:0|-?[1-9]\d{0,15})$/.test(text)) read[name] = Number(text);
    if (type === "boolean" && (text === "true" || text === "false")) read[name] = text === "true";
  }
  return read;
}

interface Fault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
}

const partNames: Readonly<Record<string, string>> = {
  params: "the path",
  querystring: "the query",
  headers: "the headers",
  body: "the body",
};

/** Faults that say less than others of the same place, the least last. */
const vague = ["type", "boolean"];

/**
 * The fault to name. Of a choice each alternative has its own: meant was the one that goes wrong
 * furthest inside, or that it has the right type.
 */
function decisive(faults: readonly Fault[]): Fault | undefined {
  if (!faults.some(({ keyword }) => keyword === "anyOf")) return faults[0];
  const depth = ({ instancePath }: Fault): number => instancePath.split("/").length;
  const vagueness = ({ keyword }: Fault): number => vague.indexOf(keyword);
  return faults
    .filter((fault) => fault.keyword !== "anyOf" && !isKnownElsewhere(fault, faults))
    .sort((a, b) => depth(b) - depth(a) || vagueness(a) - vagueness(b))[0];
}

/** Whether a member that one alternative does not know is one of another. */
function isKnownElsewhere({ keyword, instancePath }: Fault, faults: readonly Fault[]): boolean {
  if (keyword !== "boolean") return false;
  const parent = instancePath.slice(0, instancePath.lastIndexOf("/"));
  const count = (word: string, path: string): number =>
    faults.filter((one) => one.keyword === word && one.instancePath === path).length;
  return count("boolean", instancePath) < count("additionalProperties", parent);
}

/** Names one fault, and never the value that is at fault. */
function invalid(part: string, faults: readonly Fault[]): HttpError {
  const first = decisive(faults);
  const where = first?.instancePath.replace(/^\//, "").replaceAll("/", ".") ?? "";
  const subject = where === "" ? partNames[part] : `${where} in ${partNames[part]}`;
  const wrong = first?.keyword === "boolean" ? "is not known here" : first?.message;
  return new HttpError("REQUEST_INVALID", `${subject} ${wrong ?? "is not valid"}`, {
    status: part === "body" ? 422 : 400,
    ...(where === "" ? {} : { where }),
    hint: "`/docs` shows what the route takes",
  });
}

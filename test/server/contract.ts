/**
 * The contract of the server, held in every test: what it answers is what `/openapi.json` says it
 * may answer: status, media type, and every JSON body, line or problem by its schema.
 */
import { Compile, type Validator } from "typebox/compile";

type Node = Record<string, unknown>;

interface Operation {
  readonly pattern: RegExp;
  readonly method: string;
  readonly path: string;
  readonly responses: Readonly<Record<string, Node>>;
}

/** Checks answers against an OpenAPI document. */
export class Contract {
  readonly #document: Node;
  readonly #operations: readonly Operation[];
  readonly #checks = new Map<unknown, Validator>();

  constructor(document: Node) {
    this.#document = document;
    this.#operations = Object.entries(document["paths"] as Node).flatMap(([path, item]) =>
      Object.entries(item as Node).map(([method, operation]) => ({
        pattern: patternOf(path),
        method: method.toUpperCase(),
        path,
        responses: (operation as Node)["responses"] as Record<string, Node>,
      })),
    );
  }

  /** What is wrong with an answer; `undefined` when it is one that the document allows. */
  async fault(method: string, url: string, answer: Response): Promise<string | undefined> {
    const { pathname } = new URL(url);
    const asked = method === "HEAD" ? ["HEAD", "GET"] : [method];
    const operation = this.#operations.find(
      (one) => asked.includes(one.method) && one.pattern.test(pathname),
    );
    const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
    if (!operation)
      return answer.status === 404 || answer.status === 400 ? undefined : "no such route";
    const name = `${method} ${operation.path} ${answer.status}`;
    const response = operation.responses[String(answer.status)];
    if (!response) return `${name}: the status is not in the document`;
    const content = response["content"] as Readonly<Record<string, Node>> | undefined;
    if (!content) return type === "" ? undefined : `${name}: a body where none is said to be`;
    const schema = (content[type] ?? content["*/*"])?.["schema"];
    if (!schema) return `${name}: the type "${type}" is not in the document`;
    if (method === "HEAD" || type === "text/event-stream") return undefined;
    // Bytes of a type that is not the server's to know.
    if (content[type] === undefined) return undefined;
    for (const [i, value] of (await valuesOf(type, answer)).entries()) {
      const check = this.#checkOf(schema);
      if (check.Check(value)) continue;
      const [first] = check.Errors(value);
      return `${name}: value ${i}: ${first?.instancePath} ${first?.message}`;
    }
    return undefined;
  }

  #checkOf(schema: unknown): Validator {
    let check = this.#checks.get(schema);
    if (!check) {
      check = Compile(this.#resolved(schema) as never);
      this.#checks.set(schema, check);
    }
    return check;
  }

  #resolved(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#resolved(item));
    if (typeof value !== "object" || value === null) return value;
    const { $ref } = value as Node;
    if (typeof $ref === "string") {
      const target = $ref
        .slice(2)
        .split("/")
        .reduce<unknown>((at, key) => (at as Node)[key], this.#document);
      return this.#resolved(target);
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.#resolved(item)]),
    );
  }
}

function patternOf(path: string): RegExp {
  const parts = path.split(/(\{[^}]*\})/).map((part) => {
    if (part === "{*}" || part === "{wildcard}") return ".*";
    return part.startsWith("{") ? "[^/]+" : part.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}

/** The JSON values of a body: one, or one for each line. */
async function valuesOf(type: string, answer: Response): Promise<unknown[]> {
  if (!/json$/.test(type)) return [];
  const text = await answer.clone().text();
  if (type !== "application/x-ndjson") return [JSON.parse(text)];
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/**
 * The arrays that a JSON document holds, with their paths and lengths: what to say when `--path`
 * led to none, or when a document has no array where records usually are. Reads the document token
 * by token (stream-json), since here its inside counts, and speed does not.
 */
import { StringDecoder } from "node:string_decoder";
import { jsonParser, type Token } from "stream-json/parser.js";
import { ReachError } from "../base/index.ts";
import { bufferOf } from "./assembly.ts";
import { formatPath, type PathStep } from "./json-path.ts";

/** How far an outline goes; whatever a document holds, memory and time are bounded. */
export interface OutlineLimits {
  /** Bytes that are read. */
  readonly sourceBytesMax: number;
  /** Nesting that is followed. */
  readonly depthMax: number;
  /** Arrays that are listed. */
  readonly arraysMax: number;
}

const defaultLimits: OutlineLimits = {
  sourceBytesMax: 64 * 1024 * 1024,
  depthMax: 12,
  arraysMax: 64,
};

/** Nesting at which reading stops: the parser's own stack grows with it. */
const nestingMax = 10_000;
/** Text handed to the parser at once: it makes an object of every token in it. */
const textCharsMax = 64 * 1024;
/** Arrays that a message names. */
const arraysNamed = 12;

/** An array inside a document. */
export interface ArrayOutline {
  /** As `--path` takes it. */
  readonly path: string;
  readonly depth: number;
  /** Elements, as far as the document was read. */
  readonly length: number;
  readonly ofObjects: boolean;
}

/** The arrays of a document, in its order; of an array only the first element is entered. */
export interface DocumentOutline {
  readonly arrays: readonly ArrayOutline[];
  /** The document was not read to its end: it is too large, too deep, or no JSON. */
  readonly cutShort: boolean;
}

interface Level {
  readonly array: { -readonly [key in keyof ArrayOutline]: ArrayOutline[key] } | undefined;
  step: PathStep;
}

/** Follows the tokens of one document. */
class OutlineBuilder {
  readonly arrays: ArrayOutline[] = [];
  depth = 0;
  readonly #limits: OutlineLimits;
  /** The containers that are followed; below them only the nesting is counted. */
  readonly #levels: Level[] = [];

  constructor(limits: OutlineLimits) {
    this.#limits = limits;
  }

  token(token: Token): void {
    switch (token.name) {
      case "startArray":
      case "startObject":
        this.#open(token.name === "startArray");
        break;
      case "endArray":
      case "endObject":
        if (this.#levels.length === this.depth) this.#levels.pop();
        this.depth -= 1;
        break;
      case "keyValue":
        if (this.#here) this.#here.step = token.value;
        break;
      case "startString":
      case "startNumber":
      case "nullValue":
      case "trueValue":
      case "falseValue":
        this.#element(false);
        break;
      default:
    }
  }

  /** The innermost container, if it is one of those that are followed. */
  get #here(): Level | undefined {
    return this.#levels.length === this.depth ? this.#levels.at(-1) : undefined;
  }

  #element(isObject: boolean): void {
    const array = this.#here?.array;
    if (!array) return;
    array.ofObjects = array.length === 0 ? isObject : array.ofObjects && isObject;
    array.length += 1;
  }

  #open(isArray: boolean): void {
    this.#element(!isArray);
    const first = (this.#here?.array?.length ?? 0) <= 1;
    const follow = this.#levels.length === this.depth && first;
    this.depth += 1;
    if (!follow || this.depth > this.#limits.depthMax) return;
    const path = formatPath(this.#levels.map((level) => level.step));
    const array = { path, depth: this.depth - 1, length: 0, ofObjects: false };
    if (isArray && this.arrays.length < this.#limits.arraysMax) this.arrays.push(array);
    this.#levels.push({ array: isArray ? array : undefined, step: 0 });
  }
}

/** Hands the tokens of text to a builder; `false` from the first error in the document on. */
function feed(
  parse: ReturnType<typeof jsonParser>,
  builder: OutlineBuilder,
  text: string,
): boolean {
  for (let at = 0; at < text.length; at += textCharsMax) {
    let tokens: ReturnType<typeof parse>;
    try {
      tokens = parse(text.slice(at, at + textCharsMax));
    } catch {
      return false;
    }
    if (typeof tokens !== "object" || !("values" in tokens)) continue;
    for (const token of tokens.values) builder.token(token);
    if (builder.depth > nestingMax) return false;
  }
  return true;
}

/**
 * Reads a document from its beginning and lists its arrays. Errors in the document end the outline,
 * they do not throw; errors of `source` do.
 */
export async function outlineDocument(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bounds: Partial<OutlineLimits> = {},
): Promise<DocumentOutline> {
  const outlineLimits = { ...defaultLimits, ...bounds };
  const builder = new OutlineBuilder(outlineLimits);
  const parse = jsonParser({ packStrings: false, packNumbers: false, streamKeys: false });
  const decoder = new StringDecoder("utf8");
  let read = 0;
  for await (const chunk of source) {
    const text = decoder.write(bufferOf(chunk));
    const isFirst = read === 0;
    read += chunk.length;
    // The tokenizer takes a byte order mark for an error.
    const whole = feed(parse, builder, isFirst ? text.replace(/^\ufeff/, "") : text);
    if (!whole || read >= outlineLimits.sourceBytesMax) {
      return { arrays: builder.arrays, cutShort: true };
    }
  }
  return { arrays: builder.arrays, cutShort: builder.depth > 0 };
}

/** The arrays of a document in one line: `trajectory (11), history (24)`. */
export function outlineText({ arrays, cutShort }: DocumentOutline): string {
  const listed = [...arrays].sort((a, b) => a.depth - b.depth).slice(0, arraysNamed);
  const names = listed.map(({ path, length }) => `${path} (${length})`);
  if (listed.length < arrays.length || cutShort) names.push("…");
  return names.join(", ");
}

/** The error for a `--path` that names no array: says which arrays there are. */
export function noArrayError(path: string, outline: DocumentOutline): ReachError {
  const text = outlineText(outline);
  const instead = text === "" ? "this document has no arrays" : `this document has: ${text}`;
  return new ReachError("USAGE", `no array at \`${path}\`; ${instead}`, {
    hint: "choose one of them with `--path`, or leave `--path` out",
  });
}

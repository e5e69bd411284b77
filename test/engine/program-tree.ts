// Programs as small trees, made at random: what a step may do, nested as it comes. A tree is plain
// data, so that a failure is shown by it and shrinks; `programText` turns it into a program.

import fc from "fast-check";
import { sha256, utf8 } from "../../src/base/index.ts";
import type { LoadedProgram } from "../../src/runtime/index.ts";

/** Something that a step does and awaits; its value goes on to whatever holds it. */
export type Tree =
  | { readonly do: "call"; readonly name: EffectName; readonly input: number }
  | { readonly do: "leave"; readonly name: EffectName; readonly input: number }
  | { readonly do: "emit" | "draw" | "look" | "count" | "log" }
  | { readonly do: "sleep"; readonly ms: number }
  | { readonly do: "waitFor"; readonly types: readonly string[]; readonly timeout: number | null }
  | { readonly do: "throw"; readonly message: string }
  | { readonly do: "all" | "race" | "any" | "allSettled"; readonly of: readonly Tree[] }
  | { readonly do: "inOrder" | "either" | "attempt" | "finally"; readonly of: readonly Tree[] }
  | { readonly do: "repeat"; readonly times: number; readonly of: readonly Tree[] };

/** Effects of the random world: one that answers, one that fails, one that may do either. */
export type EffectName = "work" | "fail" | "maybe";

/** A program: what each of its turns does. */
export type Turns = readonly Tree[];

const effect = fc.constantFrom<EffectName>("work", "work", "maybe", "fail");

const leaf: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("call"), name: effect, input: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("leave"), name: effect, input: fc.nat(50) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("emit", "draw", "look", "count", "log") }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(80) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("waitFor"),
      types: fc.constantFrom(["x"], ["y"], ["x", "y"]),
      timeout: fc.option(fc.nat(60)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("throw"), message: fc.string() }) },
) as fc.Arbitrary<Tree>;

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => {
  const some = (least: number, most: number): fc.Arbitrary<Tree[]> =>
    fc.array(tie("tree"), { minLength: least, maxLength: most });
  const together = fc.constantFrom("all", "race", "any", "allSettled");
  return {
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.record({ do: together, of: some(1, 3) }),
      fc.record({ do: fc.constant("inOrder"), of: some(1, 3) }),
      fc.record({ do: fc.constantFrom("either", "attempt", "finally"), of: some(2, 2) }),
      fc.record({
        do: fc.constant("repeat"),
        times: fc.integer({ min: 1, max: 3 }),
        of: some(1, 1),
      }),
    ) as fc.Arbitrary<Tree>,
  };
}).tree;

/** Programs of one to three turns. */
export const turns: fc.Arbitrary<Turns> = fc.array(tree, { minLength: 1, maxLength: 3 });

/** The expression of a tree: JavaScript that yields a promise, or throws at once. */
export function textOf(node: Tree): string {
  switch (node.do) {
    case "call":
      return `ctx.call(${JSON.stringify(node.name)}, ${node.input})`;
    case "leave":
      return `leave(ctx.call(${JSON.stringify(node.name)}, [${node.input}]))`;
    case "emit":
      return `emit("said", ctx.now())`;
    case "draw":
      return `emit("drawn", [ctx.random(), ctx.uuid(), Math.random()])`;
    case "look":
      return `emit("seen", [ctx.state.seen, Date.now(), new Date().toISOString()])`;
    case "log":
      return `log(ctx.state.sum)`;
    case "count":
      return `emit("sum", ctx.state.sum)`;
    case "sleep":
      return `ctx.sleep(${node.ms})`;
    case "waitFor": {
      const { types, timeout } = node;
      const options = timeout === null ? "" : `, { timeout: ${timeout} }`;
      return `ctx.waitFor(${JSON.stringify(types)}${options})`;
    }
    case "throw":
      return `refuse(${JSON.stringify(node.message)})`;
    default:
      return textOfMany(node);
  }
}

function textOfMany(node: Extract<Tree, { readonly of: unknown }>): string {
  const parts = node.of.map(textOf);
  const [one = "null", other = "null"] = parts;
  switch (node.do) {
    case "inOrder": {
      const lines = parts.map((part) => `all.push(await ${part});`);
      return `(async () => { const all = []; ${lines.join(" ")} return all; })()`;
    }
    case "either":
      return `(async () => (ctx.random() < 0.5 ? await ${one} : await ${other}))()`;
    case "attempt":
      return `(async () => { try { return await ${one}; }
        catch (e) { return [e.name, await ${other}]; } })()`;
    case "finally":
      return `(async () => { try { return await ${one}; } finally { await ${other}; } })()`;
    case "repeat":
      return `(async () => { for (let i = 0; i < ${node.times}; i++) await ${one}; })()`;
    default:
      return `Promise.${node.do}([${parts.join(", ")}])`;
  }
}

/** The code of a program of these turns, as the bundler would leave it. */
export function programText(trees: Turns): string {
  const cases = trees.map((turn, i) => `if (turn === ${i}) got = await ${textOf(turn)};`);
  return `var program;
const mix = (a, b) => (Math.imul(a ^ b, 0x01000193) >>> 0);
const hash = (text) => { let h = 7; for (const c of text) h = mix(h, c.codePointAt(0)); return h; };
const text = (value) => JSON.stringify(value) ?? "nothing";
program = { default: {
  name: "random", version: "1",
  init: (trigger) => ({ turn: 0, sum: hash(text(trigger.data)), seen: [] }),
  reduce(state, event) {
    const { seq, kind, type, time, data } = event;
    state.sum = mix(state.sum, hash(text([seq, kind, type, time, data])));
    state.seen.push({ seq, kind });
    if (state.seen.length > 4) state.seen.shift();
    if (kind === "step") state.turn += 1;
    return state;
  },
  async step(ctx) {
    const turn = ctx.state.turn;
    const emit = async (type, data) => { ctx.emit(type, data); return type; };
    const log = async (value) => { ctx.log("logged", value, ctx.state.turn); return "logged"; };
    const leave = async () => "left";
    const refuse = async (message) => { throw new RangeError(message); };
    let got = null;
    ${cases.join("\n    ")}
    ctx.emit("got", text(got));
    if (ctx.state.sum % 3 === 0) ctx.log("got", got);
    return turn < ${trees.length - 1} ? "continue" : { done: ctx.state };
  },
} };`;
}

/** A program that an engine can start. */
export function programOfTurns(trees: Turns): LoadedProgram {
  const code = programText(trees);
  return {
    name: "random",
    version: "1",
    hash: sha256(utf8(code)),
    where: "random.js",
    code,
    map: null,
    hasStep: true,
  };
}

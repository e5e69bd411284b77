/**
 * What the code of a program must not contain, told with the place in its source: `import(…)`,
 * whose refusal would hand out an error of the host, and assignments to variables that outlive a
 * function, which would carry meaning past the state. Found in the syntax tree of the bundle.
 */
import { type Node, parse } from "acorn";
import { ReachError } from "../base/index.ts";
import { type LexicalScope, nameScopes, type SyntaxNode } from "./lexical-scope.ts";
import { sourcePlace } from "./source-place.ts";

/** What is looked at. */
export interface CheckedCode {
  readonly where: string;
  readonly code: string;
  /** Source map (JSON). */
  readonly map: string | null;
}

interface Refusal {
  readonly node: Node;
  readonly message: string;
  readonly hint: string;
}

const importMessage = "`import(…)` cannot be used in a program";
const importHint = "import it at the top of the file: a program is bundled into one script";
const stateHint =
  "keep it in the state, or in variables of a function: what a module remembers is lost at the " +
  "next snapshot, so a replay would differ";

/** Helpers of the bundler around the modules of others: what they are given runs once, at load. */
const moduleWrappers: ReadonlySet<string> = new Set(["__commonJS", "__esm", "__commonJSMin"]);

const functionTypes: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
]);

/** Walks a bundle once; finds the first refusal. */
class CodeCheck {
  found: Refusal | undefined;

  /** `late`: whether the code runs after the program was loaded. */
  visit(node: SyntaxNode, scope: LexicalScope, late: boolean): void {
    if (this.found) return;
    if (functionTypes.has(node.type)) {
      this.#children(node, nameScopes(node, scope, true), true);
      return;
    }
    switch (node.type) {
      case "ImportExpression":
        this.found = { node, message: importMessage, hint: importHint };
        return;
      case "AssignmentExpression":
      case "ForInStatement":
      case "ForOfStatement":
        if (node["left"]) this.#assigned(node["left"] as SyntaxNode, scope, late);
        break;
      case "UpdateExpression":
        this.#assigned(node["argument"] as SyntaxNode, scope, late);
        break;
      case "CallExpression":
        this.#call(node, scope, late);
        return;
      case "PropertyDefinition":
        this.#field(node, scope, late);
        return;
    }
    this.#children(node, nameScopes(node, scope, late), late);
  }

  #children(node: SyntaxNode, scope: LexicalScope, late: boolean): void {
    for (const key in node) {
      const child = node[key];
      if (Array.isArray(child)) {
        for (const one of child) if (isNode(one)) this.visit(one, scope, late);
      } else if (isNode(child)) this.visit(child, scope, late);
    }
  }

  /** What is called where it stands runs when that runs; so does what a wrapper is given. */
  #call(node: SyntaxNode, scope: LexicalScope, late: boolean): void {
    const callee = node["callee"] as SyntaxNode;
    if (functionTypes.has(callee.type)) this.#now(callee, scope, late);
    else this.visit(callee, scope, late);
    const wraps = callee.type === "Identifier" && moduleWrappers.has(callee["name"] as string);
    for (const argument of node["arguments"] as SyntaxNode[]) {
      if (wraps && argument.type === "ObjectExpression") {
        for (const property of argument["properties"] as SyntaxNode[]) {
          this.#now(property["value"] as SyntaxNode, scope, late);
        }
      } else if (wraps && functionTypes.has(argument.type)) this.#now(argument, scope, late);
      else this.visit(argument, scope, late);
    }
  }

  #now(node: SyntaxNode, scope: LexicalScope, late: boolean): void {
    this.#children(node, nameScopes(node, scope, late), late);
  }

  #field(node: SyntaxNode, scope: LexicalScope, late: boolean): void {
    if (node["computed"]) this.visit(node["key"] as SyntaxNode, scope, late);
    const value = node["value"] as SyntaxNode | null;
    if (value) this.visit(value, scope, late || !node["static"]);
  }

  #assigned(target: SyntaxNode, scope: LexicalScope, late: boolean): void {
    if (!late || this.found) return;
    switch (target.type) {
      case "Identifier": {
        const name = target["name"] as string;
        if (scope.find(name)?.late !== false) return;
        const message = `an assignment to \`${name}\`, a variable outside of functions`;
        this.found = { node: target, message, hint: stateHint };
        return;
      }
      case "ArrayPattern":
        for (const element of target["elements"] as (SyntaxNode | null)[]) {
          if (element) this.#assigned(element, scope, late);
        }
        return;
      case "ObjectPattern":
        for (const property of target["properties"] as SyntaxNode[]) {
          const inner = property.type === "RestElement" ? property : property["value"];
          this.#assigned(inner as SyntaxNode, scope, late);
        }
        return;
      case "AssignmentPattern":
        this.#assigned(target["left"] as SyntaxNode, scope, late);
        return;
      case "RestElement":
        this.#assigned(target["argument"] as SyntaxNode, scope, late);
        return;
    }
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === "object" && value !== null && typeof Reflect.get(value, "type") === "string"
  );
}

/**
 * Why a bundle is no program, as a `PROGRAM_INVALID` with file, line and column of the source and a
 * hint; `undefined` when nothing is found. Changes that methods make to objects (`cache.set(…)`)
 * cannot be seen in code; a replay catches them, since it begins in fresh contexts.
 */
export function codeFault({ where, code, map }: CheckedCode): ReachError | undefined {
  let program: SyntaxNode;
  try {
    const tree = parse(code, { ecmaVersion: "latest", sourceType: "script", locations: true });
    program = tree as unknown as SyntaxNode;
  } catch (cause) {
    const message = `${where} is no program: ${(cause as Error).message}`;
    return new ReachError("PROGRAM_INVALID", message, { where, cause });
  }
  const check = new CodeCheck();
  check.visit(program, nameScopes(program, undefined, false), false);
  if (!check.found) return undefined;
  const { node, hint } = check.found;
  const { line, column } = node.loc?.start ?? { line: 1, column: 0 };
  const place = sourcePlace(map, where, line, column);
  const at = place?.text ?? `${where}:${line}:${column + 1}`;
  const name = place?.name;
  const message = name
    ? check.found.message.replace(/`[\w$]+`/, `\`${name}\``)
    : check.found.message;
  return new ReachError("PROGRAM_INVALID", `${where} is no program: ${at}: ${message}`, {
    where: at,
    hint,
  });
}

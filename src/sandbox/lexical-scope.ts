/**
 * Which names a piece of JavaScript declares, and where: functions, blocks, loops, classes and
 * catch clauses (ECMA-262, 8.2), for the syntax tree of acorn.
 */

/** A node of the tree; its members are looked at by name. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** Names that are visible in a part of the code. */
export class LexicalScope {
  readonly #names = new Set<string>();
  readonly #outer: LexicalScope | undefined;
  /** Whether its variables belong to code that runs after loading: they do not outlive a call. */
  readonly late: boolean;

  constructor(outer: LexicalScope | undefined, late: boolean) {
    this.#outer = outer;
    this.late = late;
  }

  declare(name: string): void {
    this.#names.add(name);
  }

  /** The innermost scope that declares `name`; nothing for a global. */
  find(name: string): LexicalScope | undefined {
    return this.#names.has(name) ? this : this.#outer?.find(name);
  }
}

function nodesOf(value: unknown): SyntaxNode[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one): one is SyntaxNode => typeof one === "object" && one !== null);
}

function declarePattern(pattern: SyntaxNode, scope: LexicalScope): void {
  switch (pattern.type) {
    case "Identifier":
      scope.declare(pattern["name"] as string);
      break;
    case "ObjectPattern":
      for (const property of nodesOf(pattern["properties"])) {
        const inner = property.type === "RestElement" ? property : property["value"];
        declarePattern(inner as SyntaxNode, scope);
      }
      break;
    case "ArrayPattern":
      for (const element of nodesOf(pattern["elements"])) declarePattern(element, scope);
      break;
    case "AssignmentPattern":
      declarePattern(pattern["left"] as SyntaxNode, scope);
      break;
    case "RestElement":
      declarePattern(pattern["argument"] as SyntaxNode, scope);
      break;
  }
}

function declareVariables(declaration: SyntaxNode, scope: LexicalScope): void {
  for (const one of nodesOf(declaration["declarations"])) {
    declarePattern(one["id"] as SyntaxNode, scope);
  }
}

/** `let`, `const`, classes and functions that stand directly in a list of statements. */
function declareLexical(statements: readonly SyntaxNode[], scope: LexicalScope): void {
  for (const statement of statements) {
    if (statement.type === "VariableDeclaration" && statement["kind"] !== "var") {
      declareVariables(statement, scope);
    }
    const named = statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration";
    if (named) declarePattern(statement["id"] as SyntaxNode, scope);
  }
}

const functions: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "StaticBlock",
]);

/** `var` wherever it stands in a function, functions inside of it aside. */
function declareHoisted(node: SyntaxNode, scope: LexicalScope): void {
  if (node.type === "VariableDeclaration" && node["kind"] === "var") declareVariables(node, scope);
  for (const key in node) {
    if (key === "loc") continue;
    for (const child of nodesOf(node[key])) {
      if (typeof child.type === "string" && !functions.has(child.type)) {
        declareHoisted(child, scope);
      }
    }
  }
}

/** The scope inside `node`; that outside where the node opens none. */
export function nameScopes(
  node: SyntaxNode,
  outer: LexicalScope | undefined,
  late: boolean,
): LexicalScope {
  const opened = new LexicalScope(outer, late);
  if (functions.has(node.type) || node.type === "Program") {
    if (node.type === "FunctionExpression" && node["id"]) {
      declarePattern(node["id"] as SyntaxNode, opened);
    }
    for (const parameter of nodesOf(node["params"] ?? [])) declarePattern(parameter, opened);
    for (const part of nodesOf(node["body"])) {
      declareHoisted(part, opened);
      declareLexical(part.type === "BlockStatement" ? nodesOf(part["body"]) : [part], opened);
    }
    return opened;
  }
  switch (node.type) {
    case "BlockStatement":
      declareLexical(nodesOf(node["body"]), opened);
      return opened;
    case "SwitchStatement":
      for (const one of nodesOf(node["cases"])) declareLexical(nodesOf(one["consequent"]), opened);
      return opened;
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
      declareLexical(nodesOf(node["init"] ?? node["left"] ?? []), opened);
      return opened;
    case "CatchClause":
      if (node["param"]) declarePattern(node["param"] as SyntaxNode, opened);
      return opened;
    case "ClassExpression":
      if (node["id"]) declarePattern(node["id"] as SyntaxNode, opened);
      return opened;
    default:
      return outer ?? opened;
  }
}

/**
 * `/docs`: every route, from the OpenAPI document, and `/docs/errors`: every code, from the
 * project's own page. Plain HTML without a script, a font or a picture, so they need no network.
 */
import * as fs from "node:fs";
import { openApiDocument } from "./openapi.ts";
import { problems } from "./schemas.ts";
import { sendBytes } from "./sending.ts";
import type { ServerApp } from "./server-context.ts";

type Node = Readonly<Record<string, unknown>>;

const style = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;
margin:2rem auto;padding:0 1rem}code{font:14px ui-monospace,monospace}h2{margin-top:2.5rem}
details{border-top:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}
table{border-collapse:collapse;margin:.5rem 0}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
.method{display:inline-block;width:4.5rem;font-weight:600}.about{color:#777}`;

/** Only the one style sheet in the page, known by its hash, and nothing else. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Adds the pages. */
export function addDocRoutes(app: ServerApp): void {
  const pages = new Map<string, Buffer>();
  const add = (url: string, summary: string, make: () => string): void => {
    app.get(
      url,
      {
        config: { access: "public" },
        schema: {
          tags: ["life"],
          summary,
          response: {
            ...problems(),
            200: { description: "Page", content: { "text/html": { schema: { type: "string" } } } },
          },
        },
      },
      async (_, reply) => {
        let page = pages.get(url);
        if (!page) {
          page = Buffer.from(make());
          pages.set(url, page);
        }
        reply.type("text/html; charset=utf-8").header("content-security-policy", policy);
        return sendBytes(reply.header("cache-control", "no-cache"), page);
      },
    );
  };
  add("/docs", "Every route, for people", () => routesPage(openApiDocument(app)));
  add("/docs/errors", "Every error code, for people", () => errorsPage(errorsText()));
}

/** `docs/ERRORS.md` of the package, beside `dist` as beside `src`. */
function errorsText(): string {
  try {
    return fs.readFileSync(new URL("../../docs/ERRORS.md", import.meta.url), "utf8");
  } catch {
    return "# Errors\n\nThe explanations are not part of this installation.\n";
  }
}

function page(title: string, body: string): string {
  const head = `<meta charset="utf-8"><title>${title}</title><style>${style}</style>`;
  const view = '<meta name="viewport" content="width=device-width">';
  return `<!doctype html><html lang="en"><head>${head}${view}</head><body>${body}</body></html>\n`;
}

function escaped(text: unknown): string {
  return String(text ?? "").replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Text with `code`, and links to pages of others. */
function inline(text: string): string {
  return escaped(text)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>")
    .replace(/https:\/\/[\w./#-]+\w/g, '<a href="$&">$&</a>');
}

function routesPage(document: Node): string {
  const groups = document["tags"] as readonly { name: string; description: string }[];
  const { version } = document["info"] as { version: string };
  const operations = Object.entries(document["paths"] as Node).flatMap(([path, item]) =>
    Object.entries(item as Node).map(([method, operation]) => ({
      path,
      method,
      operation: operation as Node,
    })),
  );
  const sections = groups.map(({ name, description }) => {
    const own = operations.filter(({ operation }) =>
      (operation["tags"] as readonly string[] | undefined)?.includes(name),
    );
    if (own.length === 0) return "";
    return `<h2>${escaped(name)}</h2><p>${escaped(description)}</p>${own.map(route).join("")}`;
  });
  const intro =
    `<h1>Reach ${escaped(version)}</h1><p>The same for programs: ` +
    '<a href="/openapi.json">/openapi.json</a>. ' +
    'Errors: <a href="/docs/errors">/docs/errors</a>.</p>';
  return page("Reach", intro + sections.join(""));
}

function route({
  path,
  method,
  operation,
}: {
  readonly path: string;
  readonly method: string;
  readonly operation: Node;
}): string {
  const parameters = (operation["parameters"] ?? []) as readonly Node[];
  const rows = parameters.map((parameter) => {
    const schema = (parameter["schema"] ?? {}) as Node;
    const about = parameter["description"] ?? schema["description"];
    const optional = parameter["required"] === true ? "" : ", optional";
    return row(
      `<code>${escaped(parameter["name"])}</code>`,
      `${parameter["in"]}${optional}`,
      about,
    );
  });
  const body = contentOf((operation["requestBody"] ?? {}) as Node);
  const answers = Object.entries(operation["responses"] as Node).map(([status, response]) => {
    return row(
      `<code>${status}</code>`,
      "answer",
      Object.keys(contentOf(response as Node)).join(", "),
    );
  });
  const bodies = Object.entries(body).map(([type, { schema }]) => {
    const text = JSON.stringify(schema, null, 1);
    const pre = `<tr><td colspan="3"><pre>${escaped(text)}</pre></td></tr>`;
    return `${row("body", escaped(type), "")}${pre}`;
  });
  const about =
    operation["description"] === undefined
      ? ""
      : `<p>${inline(String(operation["description"]))}</p>`;
  return (
    `<details><summary><span class="method">${method.toUpperCase()}</span>` +
    `<code>${escaped(path)}</code> <span class="about">${escaped(operation["summary"])}</span>` +
    `</summary>${about}<table>${[...rows, ...bodies, ...answers].join("")}</table></details>`
  );
}

function contentOf(node: Node): Readonly<Record<string, { readonly schema: unknown }>> {
  return (node["content"] ?? {}) as Record<string, { readonly schema: unknown }>;
}

function row(name: string, where: string, about: unknown): string {
  return `<tr><td>${name}</td><td>${where}</td><td>${inline(String(about ?? ""))}</td></tr>`;
}

/** The few forms of Markdown that the page of errors has. */
function errorsPage(markdown: string): string {
  const blocks = markdown.split(/\n{2,}/).map((block) => {
    const [, marks = "", title = ""] = /^(#{1,3}) (.*)$/.exec(block.trim()) ?? [];
    if (marks === "") return `<p>${inline(block)}</p>`;
    const id = /^`([A-Z_]+)`$/.exec(title)?.[1];
    const level = marks.length;
    return `<h${level}${id === undefined ? "" : ` id="${id}"`}>${inline(title)}</h${level}>`;
  });
  return page("Errors of Reach", blocks.join("\n"));
}

// The part of autocannon (7.x to 9.x, README "API") that is used here; it ships no types.

declare module "autocannon" {
  interface Request {
    readonly method: "GET";
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  }

  interface Result {
    readonly errors: number;
    readonly timeouts: number;
    readonly non2xx: number;
    readonly requests: { readonly average: number };
  }

  interface Run extends PromiseLike<Result> {
    on(
      event: "response",
      listener: (client: unknown, status: number, bytes: number, ms: number) => void,
    ): void;
  }

  export default function autocannon(options: {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    readonly requests: readonly Request[];
  }): Run;
}

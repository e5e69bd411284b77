// The image: rules of hadolint, and that what it copies, runs and listens on is what there is.

import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { dockerfileFaults, instructionsOf, lastStage, sourcesOf } from "./dockerfile.ts";
import { projectRoot, projectText } from "./project-file.ts";

const dockerfile = projectText("Dockerfile");
const instructions = instructionsOf(dockerfile);
const last = lastStage(instructions);
const restOf = (name: string): string => last.find((one) => one.name === name)?.rest ?? "";

const bad = `FROM node:latest
MAINTAINER somebody
ADD src /src
COPY . /all
RUN cd /all && sudo npm ci && npm install left-pad
RUN apt-get update && apt-get install curl && curl https://example.com | sh
COPY --from=nowhere /a /b
WORKDIR relative
ENV ADMIN_TOKEN=abc
USER root
HEALTHCHECK CMD curl localhost
CMD reach serve
`;

describe("the rules for a Dockerfile", () => {
  it("bite", () => {
    const found = dockerfileFaults(bad);
    for (const line of [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]) {
      expect(
        found.some((fault) => fault.startsWith(`${line}: `)),
        `line ${line} in ${found.join("\n")}`,
      ).toBe(true);
    }
    expect(found.filter((fault) => fault.startsWith("5: "))).toHaveLength(5);
    expect(found.filter((fault) => fault.startsWith("6: "))).toHaveLength(3);
    expect(found).toContain("the last stage has 0 of ENTRYPOINT");
  });

  it("are kept by the Dockerfile", () => {
    expect(dockerfileFaults(dockerfile)).toEqual([]);
  });
});

describe("the image", () => {
  it("runs without development dependencies, all stages on one base", () => {
    const bases = instructions.flatMap(({ name, rest }) =>
      name === "FROM" ? [rest.split(" ")[0]] : [],
    );
    expect(bases.length).toBeGreaterThan(1);
    expect(new Set(bases).size).toBe(1);
    const from = last.filter(({ name, rest }) => name === "COPY" && rest.includes("node_modules"));
    expect(from.map(({ rest }) => /--from=(\S+)/.exec(rest)?.[1])).toEqual(["dependencies"]);
    expect(dockerfile).toMatch(/AS dependencies\n[^#]*RUN npm ci --omit=dev/);
  });

  it("starts what the package calls `reach`, as a user who owns the volume", () => {
    const { bin } = JSON.parse(projectText("package.json")) as { bin: { reach: string } };
    expect(restOf("RUN")).toContain(`ln -s /opt/reach/${bin.reach} /usr/local/bin/reach`);
    expect(JSON.parse(restOf("ENTRYPOINT"))).toEqual(["reach"]);
    expect(restOf("USER")).toBe("1000:1000");
    expect(JSON.parse(restOf("VOLUME"))).toEqual(["/data"]);
    expect(restOf("ENV")).toContain("REACH_DATA=/data");
    expect(restOf("RUN")).toContain("install -d -m 0700 -o node -g node /data");
  });

  it("listens on one port, which is the one that is exposed and asked for its health", () => {
    const command = JSON.parse(restOf("CMD")) as string[];
    const port = command[command.indexOf("--port") + 1];
    expect(command.slice(0, 3)).toEqual(["serve", "--host", "0.0.0.0"]);
    expect(restOf("EXPOSE")).toBe(port);
    expect(restOf("HEALTHCHECK")).toContain(`http://127.0.0.1:${port}/readyz`);
  });

  it("copies files that exist and that .dockerignore lets through, and nothing else", () => {
    const copied = instructions.flatMap(({ name, rest }) =>
      name === "COPY" ? sourcesOf(rest) : [],
    );
    const allowed = projectText(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(allowed[0]).toBe("*");
    const names = [...new Set(copied)].map((file) => file.replace(/^\.\//, "")).sort();
    expect(
      allowed
        .slice(1)
        .map((line) => line.slice(1))
        .sort(),
    ).toEqual(names);
    for (const name of names) expect(fs.existsSync(path.join(projectRoot, name)), name).toBe(true);
  });
});

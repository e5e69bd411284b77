// docker-compose.yml and what it mounts: keys of the Compose Specification, pinned images, files
// that exist, and that everybody asks everybody else where they are.

import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { defaultConfig } from "../../src/server/server-options.ts";
import { instructionsOf, isPinned } from "./dockerfile.ts";
import { projectRoot, projectText, projectYaml } from "./project-file.ts";

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly hostname?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

const compose = projectYaml<{
  services: Record<string, Service>;
  volumes: Record<string, null>;
}>("docker-compose.yml");
const services = Object.entries(compose.services);

/** Of the Compose Specification (compose-spec.json), what is wanted here. */
const known: Readonly<Record<string, readonly string[]>> = {
  top: ["name", "services", "volumes", "networks", "secrets", "configs"],
  service: [
    ...["build", "cap_add", "cap_drop", "command", "configs", "cpus", "depends_on", "entrypoint"],
    ...["environment", "env_file", "expose", "healthcheck", "hostname", "image", "init", "labels"],
    ...["logging", "mem_limit", "network_mode", "networks", "pids_limit", "ports", "profiles"],
    ...["read_only", "restart", "secrets", "security_opt", "stop_grace_period", "stop_signal"],
    ...["tmpfs", "ulimits", "user", "volumes", "working_dir"],
  ],
  healthcheck: ["test", "interval", "timeout", "retries", "start_period", "disable"],
  depends_on: ["condition", "restart", "required"],
  logging: ["driver", "options"],
};

function unknownKeys(value: object, kind: string): string[] {
  return Object.keys(value).filter((key) => !known[kind]?.includes(key));
}

describe("docker-compose.yml", () => {
  it("has no key that compose does not know", () => {
    expect(unknownKeys(compose, "top")).toEqual([]);
    for (const [name, service] of services) {
      expect(unknownKeys(service, "service"), name).toEqual([]);
      const { healthcheck = {}, depends_on = {} } = service;
      expect(unknownKeys(healthcheck, "healthcheck"), name).toEqual([]);
      for (const one of Object.values(depends_on)) {
        expect(unknownKeys(one, "depends_on"), name).toEqual([]);
      }
      const { logging = {} } = service as { logging?: object };
      expect(unknownKeys(logging, "logging"), name).toEqual([]);
    }
    expect(unknownKeys({ healtcheck: {} }, "service")).toEqual(["healtcheck"]);
  });

  it("says exactly which images, and calls its own by the version of the package", () => {
    const { version } = JSON.parse(projectText("package.json")) as { version: string };
    for (const [name, { image, build }] of services) {
      expect(isPinned(image), name).toBe(true);
      if (build !== undefined) expect(image, name).toBe(`reach-replay:${version}`);
    }
  });

  it("mounts files that exist, read-only, and volumes that are declared", () => {
    for (const [name, { volumes = [] }] of services) {
      for (const volume of volumes) {
        const [source = "", target = "", mode] = volume.split(":");
        expect(target, `${name}: ${volume}`).toMatch(/^\//);
        if (!source.startsWith(".")) {
          expect(Object.keys(compose.volumes), volume).toContain(source);
          continue;
        }
        expect(fs.existsSync(path.join(projectRoot, source)), volume).toBe(true);
        expect(mode, volume).toBe("ro");
      }
    }
  });

  it("waits for what is needed to be healthy, and publishes to this machine only", () => {
    const own = instructionsOf(projectText("Dockerfile"));
    for (const [name, { ports = [], depends_on = {} }] of services) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[other];
        expect(service, `${name} waits for ${other}`).toBeDefined();
        const healthy = condition === "service_healthy";
        const checked = service?.healthcheck ?? own.find((one) => one.name === "HEALTHCHECK");
        if (healthy) expect(checked, `${name} waits for ${other}`).toBeDefined();
      }
    }
    expect(compose.services["prometheus"]?.depends_on?.["reach"]?.condition).toBe(
      "service_healthy",
    );
  });

  it("keeps the name of the host, and waits longer than the server for its end", () => {
    const { reach } = compose.services;
    // The lock of a data directory counts a holder on another host as alive.
    expect(reach?.hostname).toBe("reach");
    // Requests, then sessions get `shutdownMs` each, and signing takes its time.
    const seconds = Number(reach?.stop_grace_period?.replace(/s$/, ""));
    expect(seconds * 1000).toBeGreaterThan(2 * defaultConfig.shutdownMs + 10_000);
  });
});

describe("Prometheus and Grafana", () => {
  const prometheus = projectYaml<{
    rule_files: string[];
    scrape_configs: {
      job_name: string;
      authorization: { credentials_file: string };
      static_configs: { targets: string[] }[];
    }[];
  }>("docs/deploy/prometheus.yml");
  const targets = (service: string): string[] =>
    (compose.services[service]?.volumes ?? []).map((volume) => volume.split(":")[1] ?? "");

  it("ask each other where compose has put them", () => {
    const [scrape] = prometheus.scrape_configs;
    expect(scrape?.job_name).toBe("reach");
    expect(scrape?.static_configs[0]?.targets).toEqual(["reach:4320"]);
    expect(compose.services["reach"]?.ports?.[0]).toContain(":4320");
    const datasources = projectYaml<{ datasources: { url: string; uid: string }[] }>(
      "docs/deploy/grafana/datasources/prometheus.yml",
    );
    expect(datasources.datasources[0]?.url).toBe("http://prometheus:9090");
  });

  it("find their files where compose mounts them", () => {
    const [scrape] = prometheus.scrape_configs;
    for (const file of prometheus.rule_files) expect(targets("prometheus")).toContain(file);
    const token = scrape?.authorization.credentials_file ?? "";
    expect(targets("prometheus")).toContain(path.posix.dirname(token));
    expect(compose.services["monitor-token"]?.command?.join(" ")).toContain(`> ${token}`);
    expect(targets("monitor-token")).toContain(path.posix.dirname(token));
    const [config] = compose.services["prometheus"]?.command ?? [];
    expect(targets("prometheus")).toContain(config?.replace("--config.file=", ""));
    const providers = projectYaml<{ providers: { options: { path: string } }[] }>(
      "docs/deploy/grafana/dashboards/reach.yml",
    );
    const folder = providers.providers[0]?.options.path;
    expect(targets("grafana").map((file) => path.posix.dirname(file))).toContain(folder);
  });
});

// Three kinds of tests. `fast` and `built` are part of `npm test`: `fast` runs over `src`; `built`
// over the entries that users get, once more those tests that need nothing else, and those of
// `test/built`. `slow` (files named *.slow.test.ts) holds the long ones, run by `npm run test:slow`,
// one file at a time because they measure time and memory.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const dist = fileURLToPath(new URL("dist", import.meta.url));
const globalSetup = ["test/global-setup.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.slow.test.ts", "test/built/**"],
          globalSetup,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // What a test imports of a public entry in `src`, it gets as the package has it.
        resolve: {
          alias: [
            {
              find: /^(?:\.\.\/)+src\/(browser|client|config|index|testing)\.ts$/,
              replacement: `${dist}/entries/$1.js`,
            },
            { find: /^(?:\.\.\/)+src\/program\.ts$/, replacement: `${dist}/program.js` },
          ],
        },
        test: {
          name: "built",
          include: [
            "test/browser.test.ts",
            "test/built/*.test.ts",
            "test/client/*.test.ts",
            "test/effects/http-fetch.test.ts",
            "test/reach.test.ts",
            "test/recorder/*.test.ts",
            "test/testing.test.ts",
          ],
          // Loaded by Node as it is, not transformed.
          server: { deps: { external: [/\/dist\//] } },
          globalSetup,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "slow",
          include: ["test/**/*.slow.test.ts"],
          globalSetup,
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});

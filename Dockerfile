# The image of `reach serve`: built from the sources, run without compilers, as a user without
# rights, with everything that must last in the volume /data. docs/OPERATIONS.md says how to run it.

# What runs: the dependencies of the package, nothing of its development.
FROM node:22.23.3-bookworm-slim AS dependencies
WORKDIR /opt/reach
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# What builds: TypeScript and the rest stay behind in this stage.
FROM node:22.23.3-bookworm-slim AS build
WORKDIR /opt/reach
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY tools/build.mjs tools/empty-package.cjs ./tools/
COPY src ./src
RUN npm run build

FROM node:22.23.3-bookworm-slim
LABEL org.opencontainers.image.title="reach" \
  org.opencontainers.image.description="Deterministic session replay" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production REACH_DATA=/data NO_COLOR=1
# A new volume takes its owner from the folder in the image. /srv is where a reach.config.ts goes;
# /run/reach is for a token that a monitor shares with nobody else.
RUN install -d -m 0700 -o node -g node /data \
  && install -d -m 0755 -o node -g node /run/reach /srv \
  && ln -s /opt/reach/dist/entries/reach.js /usr/local/bin/reach
COPY --from=dependencies /opt/reach/node_modules /opt/reach/node_modules
COPY --from=build /opt/reach/dist /opt/reach/dist
COPY package.json LICENSE /opt/reach/
# Where a problem of the server points to: /docs/errors.
COPY docs/ERRORS.md /opt/reach/docs/
WORKDIR /srv
# The user `node` of the base image, by number, so that a cluster can see that it is not root.
USER 1000:1000
VOLUME ["/data"]
EXPOSE 4320
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4320/readyz').then((r) => process.exit(r.ok ? 0 : 1))"]
# No shell in between: `node` is the process that gets SIGTERM.
ENTRYPOINT ["reach"]
CMD ["serve", "--host", "0.0.0.0", "--port", "4320"]

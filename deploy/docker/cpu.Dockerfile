# syntax=docker/dockerfile:1
# Coordinator, worker and every other command, on processors. From the root of the repository:
#   docker build --file deploy/docker/cpu.Dockerfile --tag tutti:0.1.0 .
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --omit=dev
# Of ONNX Runtime's binaries, those for Linux alone: the others are half of the image.
RUN find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -type d ! -name linux -exec rm -r {} +
COPY shared shared
COPY worker worker
COPY coordinator coordinator
COPY deploy deploy
RUN node_modules/.bin/tsx deploy/pages/build.ts

FROM node:24-bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=1000 --group=1000 /data
COPY --from=build /app /app
# The root may be read-only: runs and the workers' cache are in /data, and what is compiled at start in /tmp.
ENV NODE_ENV=production \
    HOME=/tmp \
    XDG_CACHE_HOME=/data/cache \
    TUTTI_HOST=0.0.0.0 \
    TUTTI_RUNS=/data/runs
WORKDIR /data
USER 1000:1000
EXPOSE 7070
# Of a coordinator; a worker listens to nobody, so start it with --no-healthcheck.
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s CMD ["node", "/app/deploy/docker/healthcheck.js"]
# Signals reach the process, and nothing that died stays behind.
ENTRYPOINT ["tini", "--", "node", "/app/deploy/tutti.js"]
CMD ["coordinator"]

# syntax=docker/dockerfile:1
# A worker on NVIDIA cards, with TensorFlow.js on CUDA 11 and cuDNN 8. From the root of the repository:
#   docker build --file deploy/docker/gpu.Dockerfile --tag tutti-gpu:0.1.0 .
# With its compilers: where no binding for this Node is published, one is compiled.
FROM node:22-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --omit=dev
RUN npm install --no-save --save-prod --ignore-scripts=false @tensorflow/tfjs-node-gpu@4.22.0
RUN find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -type d ! -name linux -exec rm -r {} +
COPY shared shared
COPY worker worker
COPY coordinator coordinator
COPY deploy deploy
RUN node_modules/.bin/tsx deploy/pages/build.ts

FROM nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=1000 --group=1000 /data
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app /app
ENV NODE_ENV=production \
    HOME=/tmp \
    XDG_CACHE_HOME=/data/cache \
    TUTTI_HOST=0.0.0.0 \
    TUTTI_RUNS=/data/runs
WORKDIR /data
USER 1000:1000
EXPOSE 7070
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s CMD ["node", "/app/deploy/docker/healthcheck.js"]
ENTRYPOINT ["tini", "--", "node", "/app/deploy/tutti.js"]
CMD ["doctor"]

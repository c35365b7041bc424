# The build needs the development packages; the image that runs has only what it runs.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY jobs ./jobs
RUN npm run build && npm prune --omit=dev

FROM node:22-bookworm-slim
# The fonts are for text watermarks in any script. redis-server is for `start`; its service is not started by the package in a container.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ffmpeg redis-server tini \
      fonts-noto-core fonts-wqy-microhei fonts-unifont \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data && ln -s /app/dist/src/main.js /usr/local/bin/roomcast
USER node
ENV NODE_ENV=production ROOMCAST_DATA_DIR=/data
VOLUME /data
EXPOSE 8080 1935
# tini reaps what ffmpeg and the shells leave, which Node as process 1 would not.
ENTRYPOINT ["tini", "--", "roomcast"]
CMD ["start"]

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light libnginx-mod-rtmp \
 && rm -rf /var/lib/apt/lists/*
COPY nginx-rtmp.conf /etc/roomcast/nginx-rtmp.conf
EXPOSE 1935 8080
CMD ["nginx", "-c", "/etc/roomcast/nginx-rtmp.conf", "-g", "daemon off;"]

#!/bin/sh
# Makes docs/programme.png anew: one frame of what the demo's programme recorded, scaled down.
# Usage: sh scripts/programme-picture.sh roomcast-demo-<time>.mp4
set -eu
[ $# -eq 1 ] && [ -f "$1" ] || { echo "usage: sh scripts/programme-picture.sh RECORDING.mp4" >&2; exit 2; }
picture="$(dirname "$0")/../docs/programme.png"
mkdir -p "$(dirname "$picture")"
ffmpeg -v error -y -ss 6 -i "$1" -frames:v 1 \
  -vf 'scale=960:-2,split[a][b];[a]palettegen=max_colors=256[p];[b][p]paletteuse=dither=bayer:bayer_scale=4' "$picture"
echo "$picture: $(wc -c <"$picture") bytes" >&2

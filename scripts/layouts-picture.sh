#!/bin/sh
# Makes docs/layouts.png anew: four layouts as `roomcast layout` draws them, side by side.
# Usage: npm run build && sh scripts/layouts-picture.sh
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
picture="$root/docs/layouts.png"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
ROOMCAST_DATA_DIR="$work"
export ROOMCAST_DATA_DIR

draw() {
  out="$1"
  shift
  node "$root/dist/src/main.js" layout --size 640x360 --out "$work/$out.png" "$@" >"$work/boxes"
}

cat >"$work/custom.json" <<'JSON'
{ "layout": { "mode": "custom", "cells": [
  { "x": 0, "y": 0, "width": 640, "height": 360, "source": { "userId": "ann", "stream": "aux" }, "renderMode": "fit" },
  { "x": 430, "y": 240, "width": 192, "height": 108, "zOrder": 1, "opacity": 0.9, "source": { "userId": "ann" } } ] } }
JSON
draw grid --layout grid --users 5
draw floating --layout floating --users 5
draw share --layout share --main ann --screen --users 5
draw custom --programme "$work/custom.json" --text 'On air' --timestamp top-right@0
pad='pad=652:372:6:6:white'
colours='split[a][b];[a]palettegen=max_colors=48[p];[b][p]paletteuse=dither=none'
ffmpeg -v error -y -i "$work/grid.png" -i "$work/floating.png" -i "$work/share.png" -i "$work/custom.png" \
  -filter_complex "[0]$pad[g];[1]$pad[f];[2]$pad[s];[3]$pad[c];[g][f]hstack[top];[s][c]hstack[low];[top][low]vstack,scale=980:-2:flags=area,$colours" \
  -frames:v 1 "$picture"
echo "$picture: $(wc -c <"$picture") bytes" >&2

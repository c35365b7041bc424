#!/bin/sh
# Makes this checkout ready to run: system packages (Debian and its kin, with apt), npm packages, the build.
# Does only what is missing and is quick when nothing is. Everything it says goes to stderr.
# With --tests also what only tests need.
set -eu
tests_too=${1:-}
cd "$(dirname "$0")/.."
exec 1>&2

say() { echo "setup: $*"; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

NGINX_RTMP=ngx_rtmp_module.so

has_nginx_rtmp() {
  for dir in /usr/lib/nginx/modules /usr/lib64/nginx/modules /usr/local/lib/nginx/modules /opt/homebrew/lib/nginx/modules; do
    [ -e "$dir/$NGINX_RTMP" ] && return 0
  done
  return 1
}

missing_packages() {
  PATH="$PATH:/usr/sbin:/usr/local/sbin"
  has ffmpeg || printf ' ffmpeg'
  has redis-server || printf ' redis-server'
  has nginx || printf ' nginx-light'
  has_nginx_rtmp || printf ' libnginx-mod-rtmp'
  has rtmpdump || printf ' rtmpdump'
}

# Fonts for watermarks: whether a character (hexadecimal) has a picture in some font, by fontconfig or else by the
# file of the package that we would install.
has_font() {
  if has fc-list; then fc-list -q ":charset=$1"; else [ -e "/usr/share/fonts/$2" ]; fi
}

missing_fonts() {
  # Latin to Devanagari and Thai; Chinese, Japanese and Korean; emoji and all the rest.
  has_font 0928 truetype/noto/NotoSansDevanagari-Regular.ttf || printf ' fonts-noto-core'
  has_font d55c truetype/wqy/wqy-microhei.ttc || printf ' fonts-wqy-microhei'
  has_font 1f914 opentype/unifont/unifont_upper.otf || printf ' fonts-unifont'
}

missing_for_tests() {
  has chromium || has chromium-browser || has google-chrome || printf ' chromium'
}

# Almost everything works without these: what cannot be done here is only said, with what is lacking then.
install_if_possible() {
  if ! has apt-get || { [ "$(id -u)" -ne 0 ] && ! has sudo; }; then
    say "$2; Debian has it in$1"
    return 0
  fi
  say "installing$1"
  [ "$updated" = yes ] || as_root apt-get update -q || :
  # shellcheck disable=SC2086 # a list of package names
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $1 ||
    say "could not install$1: $2"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

POLICY=/usr/sbin/policy-rc.d
updated=no
made_policy=no
remove_policy() {
  [ "$made_policy" = no ] || as_root rm -f "$POLICY"
  made_policy=no
}

# Debian starts the services of what it installs. We want the programs alone: our own redis-server and nginx
# are started by us, on ports of their own. invoke-rc.d asks policy-rc.d, and 101 means "do not".
forbid_services() {
  [ -e "$POLICY" ] && return 0
  made_policy=yes
  trap remove_policy EXIT
  trap 'exit 1' INT TERM HUP
  as_root sh -c "printf '#!/bin/sh\nexit 101\n' > $POLICY && chmod 755 $POLICY"
}

install_packages() {
  if ! has apt-get; then fail "install these with your package manager, then run this again:$1 (nginx with its rtmp module)"; fi
  if [ "$(id -u)" -ne 0 ] && ! has sudo; then fail "run this as root, or first: apt-get install$1"; fi
  say "installing$1"
  forbid_services
  as_root apt-get update -q || fail "apt-get update failed: see above"
  updated=yes
  # shellcheck disable=SC2086 # a list of package names
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $1 ||
    fail "apt-get could not install$1: see above"
  remove_policy
}

check_node() {
  has node || fail "install Node 20.19 or newer and npm"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "this is Node $(node -v): install 20.19 or newer"
  has npm || fail "install npm"
}

INSTALLED=node_modules/.installed-package-lock.json
install_modules() {
  cmp -s package-lock.json "$INSTALLED" && return 0
  say "npm ci"
  npm ci --include=dev --no-audit --no-fund || fail "npm ci failed: see above"
  cp package-lock.json "$INSTALLED"
}

BUILT=dist/.built
build() {
  # Folders count too: theirs is the time of the last file that was added or removed.
  if [ -e "$BUILT" ] && [ -z "$(find src jobs test/support test/bench package-lock.json tsconfig.json tsconfig.build.json -newer "$BUILT" 2>/dev/null | head -n 1)" ]; then
    return 0
  fi
  say "building"
  started=node_modules/.build-started
  : >"$started"
  rm -rf dist
  npm run --silent build || fail "the build failed: see above"
  mv "$started" "$BUILT"
}

check_node
packages=$(missing_packages)
[ -z "$packages" ] || install_packages "$packages"
fonts=$(missing_fonts)
[ -z "$fonts" ] || install_if_possible "$fonts" "text watermarks lack fonts for some scripts"
if [ "$tests_too" = --tests ]; then
  browser=$(missing_for_tests)
  [ -z "$browser" ] || install_if_possible "$browser" "the tests in a browser are skipped"
fi
install_modules
build

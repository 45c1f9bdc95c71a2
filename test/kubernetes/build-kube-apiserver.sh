#!/bin/bash
# Builds kube-apiserver 1.20.2 from Debian 12's source package `kubernetes` and leaves the static binary in the cache; does nothing
# when it is there. Takes some minutes and 2.2 GB of temporary space. Prints the path of the binary as its last line.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/margay/kube-apiserver-1.20.2
binary=$cache/kube-apiserver
if [ -x "$binary" ]; then
  echo "$binary"
  exit 0
fi
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two builds at once: the second waits for the first and uses what it made
if [ -x "$binary" ]; then
  echo "$binary"
  exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'chmod -R u+w "$work" && rm -rf --one-file-system "$work"' EXIT
cd "$work"

# The machine's own Debian 12 source, asked for source packages too, with lists and archives of its own: nothing of the system changes.
mkdir -p lists/partial archives/partial
for file in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list; do
  [ -f "$file" ] && grep -q bookworm "$file" || continue
  case $file in
    *.sources) sources=$work/src.sources && sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$sources" ;;
    *) sources=$work/src.list && sed -n 's/^deb \(.*\)/deb \1\ndeb-src \1/p' "$file" >"$sources" ;;
  esac
  break
done
if [ -z "${sources:-}" ]; then
  echo "no Debian 12 (bookworm) package source is configured on this machine" >&2
  exit 1
fi
apt=(apt-get -q -o APT::Sandbox::User=root -o "Dir::Etc::SourceList=$sources" -o Dir::Etc::SourceParts=/nonexistent
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache::Archives=$work/archives"
  -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache=)
"${apt[@]}" update >&2
"${apt[@]}" source --download-only kubernetes >&2
"${apt[@]}" download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev >&2

for package in *.deb; do dpkg-deb --extract "$package" root; done
tree=gopath/src/k8s.io/kubernetes # Go's module mode refuses this tree's go.mod, so it has to stand where GOPATH wants it
mkdir -p "$tree"
tar -xzf kubernetes_*.orig.tar.gz --strip-components=1 -C "$tree"
# The vendored reflect2 panics under Go >= 1.18 at the first POST that holds a map.
rm -r "$tree/vendor/github.com/modern-go/reflect2"
cp -rL root/usr/share/gocode/src/github.com/modern-go/reflect2 "$tree/vendor/github.com/modern-go/"

export GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/gopath GOCACHE=$work/gocache
export GO111MODULE=off GOPROXY=off GOFLAGS= CGO_ENABLED=0 PATH=$GOROOT/bin:$PATH
cd "$tree"

# zz_generated.openapi.go is no part of the source package: generate it from the packages that ask for it.
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rlE --include='*.go' '^// *\+k8s:openapi-gen=' pkg plugin staging/src cmd \
  | grep -vE '_test\.go$|sample-|code-generator|/testdata' \
  | xargs -n1 dirname | sort -u \
  | sed -e 's#^staging/src/#k8s.io/kubernetes/vendor/#' -e 's#^\(pkg\|plugin\|cmd\)/#k8s.io/kubernetes/\1/#' \
  | sort -u | paste -sd,)
"$work/openapi-gen" -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -i "$packages" \
  -p k8s.io/kubernetes/pkg/generated/openapi -r "$work/violations" >"$work/openapi-gen.log" 2>&1 \
  || { cat "$work/openapi-gen.log" >&2; exit 1; }

version=k8s.io/kubernetes/vendor/k8s.io/component-base/version
go build -trimpath -ldflags "-s -w -X $version.gitVersion=v1.20.2 -X $version.gitMajor=1 -X $version.gitMinor=20" \
  -o "$work/kube-apiserver" ./cmd/kube-apiserver
"$work/kube-apiserver" --version >&2
mv "$work/kube-apiserver" "$binary"
echo "$binary"

#!/usr/bin/env bash
# Checks helm/toolgate without a cluster: lint, renders of every value set, the Kubernetes API's own
# description, restricted pod security, toolgate's own check of the configuration, and the values
# that must be refused.
# usage: check.sh OPENAPI.json VALIDATE TOOLGATE      needs helm and openssl
set -euo pipefail
openapi=$(realpath "$1") validate=$(realpath "$2") toolgate=$(realpath "$3")
cd "$(dirname "$0")"
chart=../../helm/toolgate
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0

# The files that a configuration names, made for this check: toolgate reads them.
files() {
  mkdir -p "$out"/etc/{tls,client-ca,jwks,bundle}
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pdp \
    -addext subjectAltName=DNS:pdp -keyout "$out/etc/tls/tls.key" -out "$out/etc/tls/tls.crt" 2> /dev/null
  cp "$out/etc/tls/tls.crt" "$out/etc/client-ca/ca.crt"
  # The public key of RFC 8037, A.2.
  echo '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}' \
    > "$out/etc/jwks/jwks.json"
  cp ../../examples/notes/notes.rego "$out/etc/bundle"
  tar --create --gzip --file "$out/etc/bundle/bundle.tar.gz" --directory "$out/etc/bundle" notes.rego
}

fail() { echo "FAIL $*"; failed=1; }

render() { # values file, further arguments of helm
  helm template tg $chart --values "$1" "${@:2}"
}

# The `# has:` and `# lacks:` lines of a value set.
expect() { # values file, manifests
  local word text found
  while read -r _ word text; do
    found=no
    grep -qF -- "$text" "$2" && found=yes
    case $word$found in has:no | lacks:yes) fail "$1: $word $text" ;; esac
  done < <(grep -E '^# (has|lacks): ' "$1")
}

# toolgate.toml as it stands in the manifests.
configuration() { sed -n '/^  toolgate.toml: |/,/^---/{/^    /s/^    //p;/^$/p}' "$1"; }

files
for values in values/*.yaml; do
  name=$(basename "$values" .yaml)
  helm lint --strict --quiet $chart --values "$values" > "$out/lint" 2>&1 || { cat "$out/lint"; fail "$values: lint"; }
  render "$values" > "$out/$name.yaml" || { fail "$values: does not render"; continue; }
  expect "$values" "$out/$name.yaml"
  configuration "$out/$name.yaml" | sed "s|/etc/toolgate|$out/etc|; s|/var/lib/toolgate|$out/log|" > "$out/$name.toml"
  "$toolgate" serve --config "$out/$name.toml" --check-config > "$out/checked" 2>&1 || { cat "$out/checked"; fail "$values: toolgate refuses its configuration"; }
done
(cd "$out" && "$validate" "$openapi" ./*.yaml) || fail "manifests"

refused=0
while IFS='|' read -r arguments message; do
  case $arguments in '#'* | '') continue ;; esac
  read -ra arguments <<< "$arguments"
  if render values/least.yaml "${arguments[@]}" > "$out/refused" 2>&1; then
    fail "accepted: ${arguments[*]}"
  elif ! tr / . < "$out/refused" | grep -qF -- "${message# }"; then
    cat "$out/refused"
    fail "refused, but not for \`${message# }\`: ${arguments[*]}"
  fi
  refused=$((refused + 1))
done < rejected.txt
[ "$refused" -gt 0 ] || fail "no values to refuse"
echo "$refused refusals"

# A value that its own check must find, so that the checks above are known to look.
sed 's/^  replicas: .*/&\n  replica: 3/' "$out/least.yaml" > "$out/wrong.yaml"
"$validate" "$openapi" "$out/wrong.yaml" > "$out/found" && fail "validate accepts an unknown field"
sed 's/readOnlyRootFilesystem: true/privileged: true/' "$out/least.yaml" > "$out/wrong.yaml"
"$validate" "$openapi" "$out/wrong.yaml" > "$out/found" && fail "validate accepts a privileged pod"
exit $failed

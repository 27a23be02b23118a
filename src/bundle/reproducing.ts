/**
 * `REPRODUCING.md` of every bundle, a constant of the spec: how to check and use a bundle without `same`.
 * A change of this text is a change of the archive digest of every bundle.
 */
export const REPRODUCING = `# Reproducing this study without same

This archive is an OCI image layout: every file below \`blobs/sha256\` is named by the sha256 of its bytes, and
\`index.json\` names the program first. The files beside it are copies for reading. You need tar, gzip, sha256sum and jq.

1. Unpack the file into an empty folder and go there; where it is a folder, just go there. Write the file with a slash,
   since tar takes \`a:b\` for a host:

       mkdir study && tar -xf ./FILE -C study && cd study

2. Check every blob. Silence is good:

       (cd blobs/sha256 && for f in *; do echo "$f  $f"; done | sha256sum --check --quiet)

3. The program's digest, its identity; compare it with the one that was cited:

       program=$(jq -r '.manifests[0].digest' index.json); echo "$program"

4. Unpack the program's files beside its manifest:

       blob() { echo "blobs/sha256/\${1#sha256:}"; }
       code=$(jq -r '.layers[] | select(.mediaType == "application/vnd.same.code.v1.tar").digest' "$(blob "$program")")
       mkdir program && tar -xf "$(blob "$code")" -C program
       cp same.yaml program/ && if [ -f same.lock ]; then cp same.lock program/; fi

5. Read what to install and what to run. \`{{parameters.x}}\` stands for the parameter's value, \`{{inputs.x}}\` and
   \`{{outputs.x}}\` for the paths of a step's files:

       config=$(jq -r '.config.digest' "$(blob "$program")")
       jq '.manifest | {parameters, environments, data, pipeline, claims}' "$(blob "$config")"

   \`same.lock\`, where there is one, pins every package by version and hash.

6. Read what the authors' own runs gave (none are listed when none travelled along):

       jq -r '.manifests[] | select(.artifactType == "application/vnd.same.run.v1+json").digest' index.json |
       while read -r run; do
         record=$(jq -r '.layers[0].digest' "$(blob "$run")")
         jq '{id, status, parameters, metrics, claims}' "$(blob "$record")"
       done
`;

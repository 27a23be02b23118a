#!/bin/sh
# Fits the binomial logit of O-ring distress by gradient ascent.
# usage: sh train.sh TABLE.tsv SCALE.tsv MODEL.tsv METRICS.json CURVE.jsonl [--epochs=N] [--lr=X]
set -eu
LC_ALL=C
export LC_ALL

epochs=200
lr=2
table=$1 scale=$2 model=$3 metrics=$4 curve=$5
shift 5
for word in "$@"; do
  case $word in
    --epochs=*) epochs=${word#*=} ;;
    --lr=*) lr=${word#*=} ;;
    *) echo "train.sh: unknown option $word" >&2; exit 2 ;;
  esac
done

case $0 in
  */*) here=${0%/*} ;;
  *) here=. ;;
esac
exec awk -f "$here/math.awk" -f "$here/train.awk" "$table" "$scale" "$model" "$metrics" "$curve" "$epochs" "$lr"

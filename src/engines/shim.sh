# same shim 1: one attempt of a step, by the contract same-step/v1, where same itself is not.
umask 077
B=${SAME_DIR:-/same} K=${SAME_KEEP:-$B/keep} c=125 x=false k=false e= m= q= t= w= A=* R= U= s=
M=$K/.same O=$B/out W=$B/work
G=${SAME_GRACE:-10} Y=${SAME_EXIT_COPY-} n=$((${SAME_RETRIES:-0}+1)) i=${SAME_CELL:-0}
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
has() { command -v "$1" >/dev/null 2>&1; }
fin() {
  a=false g=false
  if [ "$c$e" = 0 ] && [ $x$k = falsefalse ]; then g=true
  elif [ $x = false ]; then case " $A " in ' * '|*" $c "*) a=true; esac; [ $k = false ] || a=true; fi
  [ -z "$e" ] || [ "$c" != 0 ] || c=125
  [ $k = false ] || [ "$c" != 0 ] || c=143
  [ $x = false ] || c=124
  r="{\"v\":1,\"ok\":$g,\"exit\":$c,\"again\":$a,\"timeout\":$x,\"stopped\":$k,\"attempt\":$n,\"error\":\"$e\",\"missing\":\"$m\",\"start\":\"$b\",\"end\":\"$(now)\"}"
  [ -z "$Y" ] || printf '%s\n' "$r" >"$Y"
  printf '%s\n' "$r" >"$M/exit.tmp" && mv "$M/exit.tmp" "$M/exit.json" || c=125
  exit $c
}
die() { e=$1; echo "same: $1 $2" >&2; fin; }
keep() {
  f=$O/$1; [ $# = 1 ] || f=$D/$2
  if [ -h "$f" ]; then e=SAME1611
  elif [ -f "$f" ] || [ -d "$f" ]; then rm -rf "$K/$1"; mv "$f" "$K/$1" || e=SAME1404
  elif [ -e "$f" ]; then e=SAME1611
  else e=SAME1603 m="$m${m:+ }$1"; echo "same: no output $1" >&2; fi
}
b=$(now)
mkdir -p "$M" && umask 022 && mkdir -p "$B/in" "$O" "$W" "$B/home" "$B/tmp" "$B/scratch" || exit 125
# an engine that repeats whatever failed is told again what is final
if [ $n != 1 ] && [ -f "$M/exit.json" ]; then
  read -r r <"$M/exit.json"
  case $r in *'"again":false'*) [ -z "$Y" ] || printf '%s\n' "$r" >"$Y"; r=${r#*\"exit\":}; exit "${r%%,*}"; esac
fi
rm -f "$M/"*
if [ -n "${SAME_STEP_FILE-}" ]; then command . "$SAME_STEP_FILE"
else command eval "$(printf %s "$SAME_STEP_B64" | base64 -d)"; fi || die SAME1610 'bad step'
cd "$D" && [ $# -gt 0 ] && has "$1" || die SAME1610 "cannot start $1"
! has setsid || q=setsid
run() {
  unset $U
  set -- $q "$@"
  vars
  exec "$@" </dev/null
}
if has tee && has mkfifo && rm -f "$B/.1" "$B/.2" && mkfifo "$B/.1" "$B/.2"; then
  (trap '' TERM INT; exec tee "$M/stdout" <"$B/.1") & t=$!
  (trap '' TERM INT; exec tee "$M/stderr" <"$B/.2" >&2) & t="$t $!"
  run "$@" >"$B/.1" 2>"$B/.2" & p=$!
else run "$@" >"$M/stdout" 2>"$M/stderr" & p=$!; fi
sig() { kill "-$1" "${q:+-}$p" 2>/dev/null; }
stop() { g=1; [ -z "$s" ] || return; s=1; sig TERM; (sleep "$G"; sig KILL) >/dev/null 2>&1 & }
trap 'k=true; stop' TERM INT
trap 'x=true; stop' USR1
[ -z "${T-}" ] || { (trap 'kill $y; exit' TERM; sleep "$T" & y=$!; wait $y; kill -USR1 $$) >/dev/null 2>&1 & w=$!; }
while g=0; wait $p; r=$?; [ $r = 127 ] && [ $c != 125 ] || c=$r; [ $g = 1 ]; do :; done
[ -z "$w" ] || kill $w 2>/dev/null
sig KILL
# what left the group may hold the pipes for ever
[ -z "$t" ] || { (while [ $G -gt 0 ] && kill -0 $$; do sleep 1; G=$((G-1)); done; kill -0 $$ && kill -9 $t) >/dev/null 2>&1 & w=$!; wait $t; kill $w; }
for f in $R; do [ ! -f "$f" ] || [ -h "$f" ] || cat "$f" >"$M/${f##*/}"; done
outputs $c$x$k
fin

/** Codes of the commands here: nothing is there, it was taken and is not sealed, and what a shell says of a `tar` that it has not. */
export const [NOT_THERE, NOT_SEALED, NO_TAR] = [3, 4, 127];
/** Nothing is to be told: in time, of a success, or to anybody. */
const NOT_TOLD = 9;

/** Puts what comes into `$1`, and its `content` to `$2` where nothing is. */
export const PUT =
  '[ -e "$2" ] && exit 0; rm -rf "$1" && mkdir -p "$1" "${2%/*}" && tar -xf - -C "$1" && { find "$1/content" -type f -exec chmod a-w {} + || :; } && { mv "$1/content" "$2" 2>/dev/null || [ -e "$2" ]; }; r=$?; rm -rf "$1"; exit $r';

/** Prints all of `$1`. */
export const TAKE = '[ -d "$1" ] || exit 3; tar -cf - -C "$1" .';

/** Then the files that a step left, but for its logs, get the mode and the time that those have that come from a store. */
export const TAKE_AND_SEAL = `${TAKE} || exit 1; for f in "$1"/*; do
[ ! -e "$f" ] || { find "$f" -type f -exec chmod a-w,a+rX {} + && TZ=UTC find "$f" -exec touch -t 198001020000.00 {} +; } || exit 4; done`;

/**
 * Looks every `$2` seconds, after some of them more seldom, and at most `$3` times for the account of an attempt,
 * `$1/.same/exit.json`, says so where it is of a success as a shim writes it, and goes on when it is told to. What was not there may be remembered by a file system for long, but not by
 * who lists the directory anew: hence the patterns. `sleep` need not know parts of a second.
 */
export const AWAIT_TAKE_AND_SEAL = `mkdir -p "$1" || exit ${NOT_TOLD}; i=0
until for f in "$1"/.sam[e]/exit.jso[n]; do [ -f "$f" ]; done; do
[ "$i" -lt "$3" ] || exit ${NOT_TOLD}
sleep "$2" 2>/dev/null && i=$((i+1)) || { sleep 1; i=$((i+7)); }
[ "$i" -lt 60 ] || set -- "$1" 0.2 "$3"
done
read -r r <"$f" || exit ${NOT_TOLD}
case $r in '{"v":1,"ok":true,'*'"}') ;; *) exit ${NOT_TOLD};; esac
printf + && read -r r || exit ${NOT_TOLD}
${TAKE_AND_SEAL}`;

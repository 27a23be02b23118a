import { ROOT } from '../kubernetes/step-container.ts';

/** Below what an attempt leaves: the account of an earlier one, by its number, the first being 1. */
export function accountOf(attempt: string): string {
  return `.same-${attempt}`;
}

/**
 * What starts the shim: puts the account of the attempt before aside, for whoever collects it, unless that was the last
 * one: then the shim says the same again. A pod that was made once more finds it put aside.
 */
export const KEEPING = `a=${ROOT}/keep/.same k=${ROOT}/keep/${accountOf('$SAME_RETRIES')} r=
[ ! -f $a/exit.json ] || read -r r <$a/exit.json
case $SAME_RETRIES$r in 0*|*'"again":false'*) ;; *) [ ! -d $a ] || [ -d $k ] || mv $a $k; esac
exec sh ${ROOT}/spec/shim.sh`;

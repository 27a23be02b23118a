/** The dimension that an item of a `foreach` list is (spec SAME-PIP-033). */
export const ITEM = 'item';

/** Most cells of one step (spec SAME-PIP-038). */
export const MOST_CELLS = 100_000;

/** Most combinations of all the matrices of a program. */
export const MOST_CELLS_IN_ALL = 500_000;

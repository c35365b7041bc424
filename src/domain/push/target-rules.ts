/** Targets of one task; each is a connection and a queue of its own. */
export const MAX_TARGETS = 200;
/** Longest merge window of a target, in ms. */
export const MAX_MERGE_MS = 350;
